-- List the live sessions of the fleet.
--
-- KEYS[1]  {holdfast}:origins  SET  names, some of which may be gone
-- KEYS[2]  {holdfast}:         root of the keys derived here: origin:<name> of every name
--
-- Returns  { session, … }, each as { field, value, … }
local origins_key, root = KEYS[1], KEYS[2]

local sessions = {}
for _, name in ipairs(redis.call("SMEMBERS", origins_key)) do
  local session = redis.call("HGETALL", root .. "origin:" .. name)
  if #session > 0 then
    sessions[#sessions + 1] = session
  end
end
return sessions
