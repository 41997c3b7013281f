-- Tell every origin that ingests may need somebody.
--
-- KEYS[1]  {holdfast}:origins  SET  names of the fleet
-- KEYS[2]  {holdfast}:         root of the keys derived here: notify:<name>
--
-- Returns  how many were told
local origins_key, root = KEYS[1], KEYS[2]

local names = redis.call("SMEMBERS", origins_key)
for _, name in ipairs(names) do
  redis.call("PUBLISH", root .. "notify:" .. name, "ingests")
end
return #names
