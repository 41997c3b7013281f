-- End the leases of a session whose origin is proven dead, and keep it from putting them back.
--
-- KEYS[1]  {holdfast}:  root of the keys derived here: {holdfast}:lease:<key> and all other leases by their names,
--                       buried:<name>@<epoch>
-- ARGV[1]  name   ARGV[2]  epoch   ARGV[3]  how long the session is remembered, ms   ARGV[4..] names of leases
--
-- Returns  the names of those that it held
local root = KEYS[1]
local name, epoch, memory = ARGV[1], ARGV[2], ARGV[3]

local session = name .. "@" .. epoch
redis.call("SET", root .. "buried:" .. session, "1", "PX", memory)
local ended = {}
for i = 4, #ARGV do
  local present = redis.call("GET", root .. ARGV[i])
  if present and string.match(present, "^(.+)#%d+$") == session then
    redis.call("DEL", root .. ARGV[i])
    ended[#ended + 1] = ARGV[i]
  end
end
return ended
