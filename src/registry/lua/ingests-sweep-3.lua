-- Turn definitions that no config file has any more into tombstones, and drop index entries of what is gone.
--
-- KEYS[1]  {holdfast}:ingests  SET   keys of all ingests
-- KEYS[2]  {holdfast}:plan     HASH  whose term must be the caller's
-- KEYS[3]  {holdfast}:         root of the keys derived here: ingest:<key> of every ingest, events, notify:<owner>
-- ARGV[1]  term   ARGV[2]  life of a tombstone and of the index, ms   ARGV[3]  longest event log, entries
--
-- Returns  how many were dropped or became tombstones
-- Events   ingest-removed
local ingests_key, plan_key, root = KEYS[1], KEYS[2], KEYS[3]
local term, life, log_length = ARGV[1], ARGV[2], ARGV[3]

if redis.call("HGET", plan_key, "_term") ~= term then
  return 0
end
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local swept, lasting = 0, false
for _, key in ipairs(redis.call("SMEMBERS", ingests_key)) do
  local ingest_key = root .. "ingest:" .. key
  local known = redis.call("HMGET", ingest_key, "source", "removed", "assertedUntil", "owner")
  if not known[1] then
    redis.call("SREM", ingests_key, key)
    swept = swept + 1
  elseif known[1] == "api" and (known[2] or "0") == "0" then
    lasting = true
  elseif known[1] == "config" and (known[2] or "0") == "0" and (tonumber(known[3] or "0") or 0) < now then
    redis.call("HSET", ingest_key, "removed", string.format("%.0f", now), "enabled", "0")
    redis.call("PEXPIRE", ingest_key, life)
    redis.call("XADD", root .. "events", "MAXLEN", "~", log_length, "*", "type", "ingest-removed", "ingest", key,
      "reason", "in no config any more", "by", "planner")
    if known[4] and known[4] ~= "" then
      redis.call("PUBLISH", root .. "notify:" .. known[4], "ingests")
    end
    swept = swept + 1
  end
end
if not lasting then
  redis.call("PEXPIRE", ingests_key, life)
end
return swept
