-- Write down what an operator wants of an ingest: pause or resume it, or move it.
--
-- KEYS[1]  {holdfast}:ingest:<key>  HASH  the ingest
-- KEYS[2]  {holdfast}:plan          HASH  names the planner, which is woken
-- KEYS[3]  {holdfast}:              root of the keys derived here: events, notify:<origin>
-- ARGV[1]  key   ARGV[2]  field: enabled, moveTo   ARGV[3]  value   ARGV[4]  longest event log, entries   ARGV[5]  by
--
-- Returns  1; 0 when there is no such ingest
-- Events   ingest-paused, ingest-resumed, ingest-move
local ingest_key, plan_key, root = KEYS[1], KEYS[2], KEYS[3]
local key, field, value, log_length, by = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local known = redis.call("HMGET", ingest_key, "url", "removed", "owner", field)
if not known[1] or (known[2] or "0") ~= "0" then
  return 0
end
redis.call("HSET", ingest_key, field, value)
if known[4] ~= value then
  local event = field == "moveTo" and "ingest-move" or (value == "1" and "ingest-resumed" or "ingest-paused")
  redis.call("XADD", root .. "events", "MAXLEN", "~", log_length, "*", "type", event, "ingest", key, "reason", "api",
    "origin", field == "moveTo" and value or (known[3] or ""), "by", by)
end
for _, name in ipairs({ redis.call("HGET", plan_key, "_by") or "", known[3] or "" }) do
  if name ~= "" then
    redis.call("PUBLISH", root .. "notify:" .. name, "ingests")
  end
end
return 1
