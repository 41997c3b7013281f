-- Remove an ingest that was defined by API. A tombstone is left for a while, so that its owner hears of it.
--
-- KEYS[1]  {holdfast}:ingest:<key>  HASH  the ingest
-- KEYS[2]  {holdfast}:plan          HASH  names the planner, which is woken
-- KEYS[3]  {holdfast}:              root of the keys derived here: events, notify:<origin>
-- ARGV[1]  key   ARGV[2]  life of the tombstone, ms   ARGV[3]  longest event log, entries   ARGV[4]  by
--
-- Returns  "removed"; "missing"; "configured" when a config file has it
-- Events   ingest-removed
local ingest_key, plan_key, root = KEYS[1], KEYS[2], KEYS[3]
local key, life, log_length, by = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local known = redis.call("HMGET", ingest_key, "source", "removed", "owner")
if not known[1] or (known[2] or "0") ~= "0" then
  return "missing"
end
if known[1] == "config" then
  return "configured"
end
local time = redis.call("TIME")
redis.call("PEXPIRE", ingest_key, life)
redis.call("HSET", ingest_key, "removed", string.format("%.0f", time[1] * 1000 + math.floor(time[2] / 1000)),
  "enabled", "0")
redis.call("XADD", root .. "events", "MAXLEN", "~", log_length, "*", "type", "ingest-removed", "ingest", key,
  "reason", "api", "by", by)
for _, name in ipairs({ redis.call("HGET", plan_key, "_by") or "", known[3] or "" }) do
  if name ~= "" then
    redis.call("PUBLISH", root .. "notify:" .. name, "ingests")
  end
end
return "removed"
