-- Give the next number: greater than every epoch and token before.
--
-- KEYS[1]  {holdfast}:epoch          STRING  last number given; only grows
-- KEYS[2]  {holdfast}:origin:<name>  HASH    the session
-- ARGV[1]  instance   ARGV[2]  epoch   ARGV[3]  highest number that the caller has seen
--
-- Returns  the number; false when the session is not the current one
local epoch_key, origin_key = KEYS[1], KEYS[2]
local instance, epoch, floor = ARGV[1], ARGV[2], tonumber(ARGV[3])

local session = redis.call("HMGET", origin_key, "instance", "epoch")
if session[1] ~= instance or session[2] ~= epoch then
  return false
end
local time = redis.call("TIME")
local last = tonumber(redis.call("GET", epoch_key) or "0") or 0
local token = string.format("%.0f", math.max(last + 1, time[1] * 1000000 + time[2], floor + 1))
redis.call("SET", epoch_key, token)
return token
