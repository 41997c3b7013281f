-- Give a lease on this server, unless another has it, or it is reserved for another.
--
-- KEYS[1]  {holdfast}:lease:<key>   STRING  the lease; any other lease has a key of the same form
-- ARGV[1]  value: <origin>@<epoch>#<token>   ARGV[2]  TTL, ms   ARGV[3]  not after, ms of Redis time
--
-- Returns  { "granted", now_ms }
--          { "held", now_ms, value }  <origin>@<epoch>#<token>, or reserved:<origin>
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
local origin = string.match(value, "^(.+)@%d+#%d+$")
if present and present ~= "reserved:" .. origin then
  return { "held", now, present }
end
redis.call("SET", lease_key, value, "PX", ttl)
return { "granted", now }
