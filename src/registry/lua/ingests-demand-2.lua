-- Somebody plays these ingests: those that are pulled on demand are wanted for a while.
--
-- KEYS[1]  {holdfast}:plan  HASH  names the planner, which is woken when the demand is new
-- KEYS[2]  {holdfast}:      root of the keys derived here: ingest:<key> of every ingest, notify:<planner>
-- ARGV[1]  for how long, ms   ARGV[2..] key, …
--
-- Returns  how many of them are pulled on demand
local plan_key, root = KEYS[1], KEYS[2]

local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wanted, fresh = 0, false
for i = 2, #ARGV do
  local ingest_key = root .. "ingest:" .. ARGV[i]
  local known = redis.call("HMGET", ingest_key, "onDemand", "demandUntil")
  if known[1] == "1" then
    wanted = wanted + 1
    fresh = fresh or (tonumber(known[2] or "0") or 0) <= now
    redis.call("HSET", ingest_key, "demandUntil", string.format("%.0f", now + tonumber(ARGV[1])))
  end
end
local planner = redis.call("HGET", plan_key, "_by")
if fresh and planner then
  redis.call("PUBLISH", root .. "notify:" .. planner, "ingests")
end
return wanted
