-- Define an ingest by API, or replace such a definition.
--
-- KEYS[1]  {holdfast}:ingest:<key>  HASH    the ingest
-- KEYS[2]  {holdfast}:ingests       SET     keys of all ingests; has no TTL from now on
-- KEYS[3]  {holdfast}:plan          HASH    names the planner, which is woken
-- KEYS[4]  {holdfast}:              root of the keys derived here: events, notify:<origin>
-- ARGV[1]  key      ARGV[2]  url      ARGV[3]  captureAt   ARGV[4]  weight   ARGV[5]  overlap   ARGV[6]  onDemand
-- ARGV[7]  fallback ARGV[8]  format   ARGV[9]  longest event log, entries    ARGV[10] by
--
-- Returns  "created", "changed" or "same"; "configured" when a config file has it: nothing was written
-- Events   ingest-defined, ingest-changed
local ingest_key, ingests_key, plan_key, root = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local key, format, log_length, by = ARGV[1], ARGV[8], ARGV[9], ARGV[10]
local names = { "url", "captureAt", "weight", "overlap", "onDemand", "fallback" }
local values = { ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7] }

local known = redis.call("HMGET", ingest_key, "source", "removed", unpack(names))
local live = known[1] and (known[2] or "0") == "0"
if live and known[1] == "config" then
  return "configured"
end
local outcome = live and "same" or "created"
for i = 1, #names do
  if live and known[i + 2] ~= values[i] then
    outcome = "changed"
  end
end
redis.call("PERSIST", ingest_key)
redis.call("HSET", ingest_key, "format", format, "stream", key, "source", "api", "removed", "0")
for i = 1, #names do
  redis.call("HSET", ingest_key, names[i], values[i])
end
if not live then
  redis.call("HSET", ingest_key, "enabled", "1", "moveTo", "")
end
redis.call("SADD", ingests_key, key)
redis.call("PERSIST", ingests_key)
if outcome ~= "same" then
  redis.call("XADD", root .. "events", "MAXLEN", "~", log_length, "*", "type",
    outcome == "created" and "ingest-defined" or "ingest-changed", "ingest", key, "reason", "api", "by", by)
  for _, name in ipairs({ redis.call("HGET", plan_key, "_by"), redis.call("HGET", ingest_key, "owner") }) do
    if name and name ~= "" then
      redis.call("PUBLISH", root .. "notify:" .. name, "ingests")
    end
  end
end
return outcome
