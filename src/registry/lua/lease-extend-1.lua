-- Renew a lease on this server, if it is still there.
--
-- KEYS[1]  {holdfast}:lease:<key>   STRING  the lease; any other lease has a key of the same form
-- ARGV[1]  value: <origin>@<epoch>#<token>   ARGV[2]  TTL, ms   ARGV[3]  not after, ms of Redis time
--
-- Returns  { "extended", now_ms }
--          { "lost", now_ms, value }  of another; empty when there is none
--          { "late", now_ms }         nobody waits for the answer any more
local lease_key = KEYS[1]
local value, ttl, not_after = ARGV[1], ARGV[2], tonumber(ARGV[3])

local time = redis.call("TIME")
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local now = string.format("%.0f", now_ms)
if now_ms > not_after then
  return { "late", now }
end
local present = redis.call("GET", lease_key)
if present ~= value then
  return { "lost", now, present or "" }
end
-- Not SET: a full Redis would refuse it.
redis.call("PEXPIRE", lease_key, ttl)
return { "extended", now }
