-- Renew a lease on one of several servers, and put it there again when this server has forgotten it.
--
-- KEYS[1]  {holdfast}:lease:<key>   STRING  the lease; any other lease has a key of the same form
-- KEYS[2]  {holdfast}:              root of the key derived here: buried:<name>@<epoch> of the holder
-- ARGV[1]  value: <origin>@<epoch>#<token>   ARGV[2]  TTL, ms   ARGV[3]  not after, ms of Redis time
--
-- Returns  { "extended", now_ms }
--          { "healed", now_ms }       it was missing: this server alone could have given it to another meanwhile
--          { "lost", now_ms, value }  of another; empty when there is none and the session was buried
--          { "late", now_ms }         nobody waits for the answer any more
local lease_key, root = KEYS[1], KEYS[2]
local value, ttl, not_after = ARGV[1], ARGV[2], tonumber(ARGV[3])

local time = redis.call("TIME")
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local now = string.format("%.0f", now_ms)
if now_ms > not_after then
  return { "late", now }
end
local present = redis.call("GET", lease_key)
if present == value then
  redis.call("PEXPIRE", lease_key, ttl)
  return { "extended", now }
end
local session = string.match(value, "^(.+)#%d+$")
if present or redis.call("EXISTS", root .. "buried:" .. session) == 1 then
  return { "lost", now, present or "" }
end
redis.call("SET", lease_key, value, "PX", ttl)
return { "healed", now }
