-- Write what changed in the plan, and confirm the rest.
--
-- KEYS[1]  {holdfast}:plan           HASH    key of an ingest -> origin; _why:<key>, _term, _at, _by
-- KEYS[2]  {holdfast}:planner        STRING  the planner's lease, when it lives in this Redis
-- KEYS[3]  {holdfast}:origin:<name>  HASH    the planner's session
-- KEYS[4]  {holdfast}:               root of the keys derived here: notify:<origin>
-- ARGV[1]  name     ARGV[2]  instance   ARGV[3]  epoch   ARGV[4]  term
-- ARGV[5]  value that the lease must have; empty when it lives elsewhere
-- ARGV[6]  life of the plan, ms         ARGV[7]  number of changed lines
-- ARGV[8..] key, origin, why, … of the changed lines, then the keys of lines to delete
--
-- Returns  1; 0 when a later planner has written, or this one has lost its lease: nothing was written
local plan_key, planner_key, origin_key, root = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local name, instance, epoch, term, lease, life = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local session = redis.call("HMGET", origin_key, "instance", "epoch")
if session[1] ~= instance or session[2] ~= epoch then
  return 0
end
if (tonumber(redis.call("HGET", plan_key, "_term") or "0") or 0) > tonumber(term) then
  return 0
end
if lease ~= "" and redis.call("GET", planner_key) ~= lease then
  return 0
end
local time = redis.call("TIME")
redis.call("HSET", plan_key, "_term", term, "_by", name, "_at",
  string.format("%.0f", time[1] * 1000 + math.floor(time[2] / 1000)))

local wake = {}
local last = 7 + 3 * tonumber(ARGV[7])
for i = 8, last, 3 do
  local before = redis.call("HGET", plan_key, ARGV[i])
  redis.call("HSET", plan_key, ARGV[i], ARGV[i + 1], "_why:" .. ARGV[i], ARGV[i + 2])
  wake[ARGV[i + 1]] = true
  if before then
    wake[before] = true
  end
end
for i = last + 1, #ARGV do
  local before = redis.call("HGET", plan_key, ARGV[i])
  if before then
    wake[before] = true
  end
  redis.call("HDEL", plan_key, ARGV[i], "_why:" .. ARGV[i])
end
redis.call("PEXPIRE", plan_key, life)
for origin in pairs(wake) do
  redis.call("PUBLISH", root .. "notify:" .. origin, "ingests")
end
return 1
