-- Give a lease back, and keep it for another origin for a moment if that is wanted.
--
-- KEYS[1]  {holdfast}:lease:<key>   STRING  the lease; any other lease has a key of the same form
-- ARGV[1]  value: <origin>@<epoch>#<token>   ARGV[2]  reserved:<origin>, or empty   ARGV[3]  for so long, ms
--
-- Returns  1; 0 when it was not there any more
local lease_key = KEYS[1]
local value, reservation, ms = ARGV[1], ARGV[2], ARGV[3]

if redis.call("GET", lease_key) ~= value then
  return 0
end
-- The first write is one that a full Redis does not refuse.
redis.call("DEL", lease_key)
if reservation ~= "" then
  redis.call("SET", lease_key, reservation, "PX", ms)
end
return 1
