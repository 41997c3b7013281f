-- Say which ingests an origin has in its config file, and keep their definitions alive.
--
-- A definition by API is left as it is. Of two files that differ, the one of the later session counts: so a new file
-- wins while origins are restarted one by one. A pause is no part of the definition and outlives this.
--
-- KEYS[1]  {holdfast}:ingests        SET   keys of all ingests
-- KEYS[2]  {holdfast}:origin:<name>  HASH  the session
-- KEYS[3]  {holdfast}:               root of the keys derived here: ingest:<key> of every ingest, events
-- ARGV[1]  name     ARGV[2]  instance   ARGV[3]  epoch   ARGV[4]  life without an assertion, ms
-- ARGV[5]  format   ARGV[6]  longest event log, entries
-- ARGV[7..] key, url, captureAt, weight, overlap, onDemand, fallback, …
--
-- Returns  1; 0 when the session is not the current one: nothing was written
-- Events   ingest-defined
local ingests_key, origin_key, root = KEYS[1], KEYS[2], KEYS[3]
local name, instance, epoch, life, format, log_length = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local session = redis.call("HMGET", origin_key, "instance", "epoch")
if session[1] ~= instance or session[2] ~= epoch then
  return 0
end
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- The set lives without a TTL once an ingest was defined by API.
local lasting = redis.call("PTTL", ingests_key) == -1

for i = 7, #ARGV, 7 do
  local key = ARGV[i]
  local ingest_key = root .. "ingest:" .. key
  local known = redis.call("HMGET", ingest_key, "source", "definedBy", "removed")
  if known[1] ~= "api" or (known[3] or "0") ~= "0" then
    if (tonumber(known[2] or "0") or 0) <= tonumber(epoch) then
      redis.call("HSET", ingest_key, "format", format, "stream", key, "url", ARGV[i + 1], "captureAt", ARGV[i + 2],
        "weight", ARGV[i + 3], "overlap", ARGV[i + 4], "onDemand", ARGV[i + 5], "fallback", ARGV[i + 6],
        "source", "config", "definedBy", epoch)
    end
    if not known[1] or (known[3] or "0") ~= "0" then
      redis.call("HSET", ingest_key, "enabled", "1", "removed", "0")
      redis.call("XADD", root .. "events", "MAXLEN", "~", log_length, "*", "type", "ingest-defined", "ingest", key,
        "reason", "config", "by", name)
    end
    redis.call("HSET", ingest_key, "assertedUntil", string.format("%.0f", now + life))
    redis.call("PEXPIRE", ingest_key, life)
  end
  redis.call("SADD", ingests_key, key)
end
if not lasting then
  redis.call("PEXPIRE", ingests_key, life)
end
return 1
