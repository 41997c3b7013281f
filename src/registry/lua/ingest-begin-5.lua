-- Become the owner of an ingest in its status. The lease is in hand; nothing is pulled before this.
--
-- KEYS[1]  {holdfast}:ingest:<key>   HASH    the ingest
-- KEYS[2]  {holdfast}:origin:<name>  HASH    the session
-- KEYS[3]  {holdfast}:lease:<key>    STRING  the lease, when it lives in this Redis
-- KEYS[4]  {holdfast}:epoch          STRING  last number given
-- KEYS[5]  {holdfast}:events         STREAM
-- ARGV[1]  key     ARGV[2]  name     ARGV[3]  instance   ARGV[4]  epoch   ARGV[5]  token   ARGV[6]  why
-- ARGV[7]  value that the lease must have; empty when it lives elsewhere
-- ARGV[8]  not after, ms of Redis time                   ARGV[9]  longest event log, entries
--
-- Returns  { "begun", ingest as { field, value, … } }
--          { "stale" }         a later grant was here before, or the lease is not ours any more
--          { "unwanted" }      there is no such ingest, or it is paused or removed
--          { "session-lost" }
--          { "late", now_ms }  nobody waits for the answer any more
-- Events   ingest-begun
local ingest_key, origin_key, lease_key, epoch_key, events_key = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local key, name, instance, epoch, token, why = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local lease, not_after, log_length = ARGV[7], tonumber(ARGV[8]), ARGV[9]

local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_text = string.format("%.0f", now)
if now > not_after then
  return { "late", now_text }
end
local session = redis.call("HMGET", origin_key, "instance", "epoch")
if session[1] ~= instance or session[2] ~= epoch then
  return { "session-lost" }
end
local known = redis.call("HMGET", ingest_key, "enabled", "token", "owner", "epoch")
if known[1] ~= "1" then
  return { "unwanted" }
end
if (tonumber(known[2] or "0") or 0) >= tonumber(token) or (lease ~= "" and redis.call("GET", lease_key) ~= lease) then
  return { "stale" }
end
redis.call("HSET", ingest_key, "owner", name, "epoch", epoch, "token", token, "state", "starting", "error", "",
  "why", why)
if known[3] ~= name then
  redis.call("HSET", ingest_key, "lastMove", now_text)
end
if redis.call("HGET", ingest_key, "moveTo") == name then
  redis.call("HSET", ingest_key, "moveTo", "")
end
-- A number that was drawn before Redis was emptied must stay the greatest.
if (tonumber(redis.call("GET", epoch_key) or "0") or 0) < tonumber(token) then
  redis.call("SET", epoch_key, token)
end
redis.call("XADD", events_key, "MAXLEN", "~", log_length, "*", "type", "ingest-begun", "ingest", key, "origin", name,
  "epoch", epoch, "token", token, "previous", known[3] or "", "reason", why, "by", name)
return { "begun", redis.call("HGETALL", ingest_key) }
