-- Read ingests.
--
-- KEYS[1]  {holdfast}:  root of the keys derived here: ingest:<key> of every ingest
-- ARGV[1..] key, …
--
-- Returns  { ingest, … } in the order of ARGV, each as { field, value, … }; empty where there is none
local root = KEYS[1]

local ingests = {}
for i = 1, #ARGV do
  ingests[i] = redis.call("HGETALL", root .. "ingest:" .. ARGV[i])
end
return ingests
