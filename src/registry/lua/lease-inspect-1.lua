-- Say who holds a lease on this server, and for how long.
--
-- KEYS[1]  {holdfast}:lease:<key>   STRING  the lease; any other lease has a key of the same form
--
-- Returns  { value, ttl_ms }; { "", 0 } when nobody does
local present = redis.call("GET", KEYS[1])
if not present then
  return { "", 0 }
end
return { present, redis.call("PTTL", KEYS[1]) }
