-- List the keys of all streams that live sessions hold. The records are then read with streams-locate, in batches.
--
-- KEYS[1]  {holdfast}:origins  SET  names, some of which may be gone
-- KEYS[2]  {holdfast}:         root of the keys derived here: origin:<name> and held:<name> of every name
--
-- Returns  { key, … }; a key may be there whose record is gone or somebody else's
local origins_key, root = KEYS[1], KEYS[2]

local keys = {}
for _, name in ipairs(redis.call("SMEMBERS", origins_key)) do
  if redis.call("EXISTS", root .. "origin:" .. name) == 1 then
    for _, key in ipairs(redis.call("SMEMBERS", root .. "held:" .. name)) do
      keys[#keys + 1] = key
    end
  end
end
return keys
