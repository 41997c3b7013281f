-- Read ingests.
--
-- KEYS[1]  {holdfast}:  root of the keys derived here: ingest:<key> of every ingest
-- ARGV[1..] key, …
--
-- Returns  { ingest, … } in the order of ARGV, each as the JSON of { field, value, … }; empty where there is none.
--          One text is read ten times faster than fifty, and compared with the last one.
local root = KEYS[1]

local ingests = {}
for i = 1, #ARGV do
  local ingest = redis.call("HGETALL", root .. "ingest:" .. ARGV[i])
  ingests[i] = #ingest == 0 and "" or cjson.encode(ingest)
end
return ingests
