-- Begin a session of an origin, unless another instance is alive under its name.
--
-- KEYS[1]  {holdfast}:origin:<name>  HASH    the session; expires unless it is renewed
-- KEYS[2]  {holdfast}:epoch          STRING  last number given; only grows
-- KEYS[3]  {holdfast}:boot           STRING  "<run_id> <since, ms>" of the Redis process that gives the numbers
-- KEYS[4]  {holdfast}:origins        SET     names of the fleet; swept here
-- KEYS[5]  {holdfast}:held:<name>    SET     streams of the session; begins empty
-- KEYS[6]  {holdfast}:events         STREAM
-- KEYS[7]  {holdfast}:               root of the keys derived here: origin:<name> of every name in the index,
--                                         plan, which names the planner, and its notify:<name>
-- ARGV[1]  name              ARGV[2]  instance           ARGV[3]  session TTL, ms   ARGV[4]  index TTL, ms
-- ARGV[5]  instance whose live session may be replaced, or empty
-- ARGV[6]  highest number this process has seen          ARGV[7]  not after, ms of Redis time
-- ARGV[8]  longest event log, entries                    ARGV[9..] field, value, …
--
-- Returns  { "registered", epoch, now_ms }
--          { "conflict", ttl_left_ms, { field, value, … } }  another instance lives under this name
--          { "late", now_ms }                                nobody waits for the answer any more
-- Events   registered
local origin_key, epoch_key, boot_key, origins_key, held_key, events_key, root =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local name, instance, ttl, index_ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local replaceable, seen, not_after, log_length = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]

local time = redis.call("TIME")
local now_us = time[1] * 1000000 + time[2]
local now = string.format("%.0f", math.floor(now_us / 1000))

local function next_token(floor)
  local last = tonumber(redis.call("GET", epoch_key) or "0") or 0
  local token = string.format("%.0f", math.max(last + 1, now_us, floor + 1))
  redis.call("SET", epoch_key, token)
  return token
end

if tonumber(now) > not_after then
  return { "late", now }
end

local holder = redis.call("HGET", origin_key, "instance")
if holder and holder ~= instance and holder ~= replaceable then
  return { "conflict", redis.call("PTTL", origin_key), redis.call("HGETALL", origin_key) }
end

-- The first write is one that a full Redis refuses, so that the script never stops half way.
local epoch = next_token(seen)

local reason = holder == instance and "again" or holder and "replaced" or "start"
local run_id = string.match(redis.call("INFO", "server"), "run_id:(%w+)") or "unknown"
local boot = redis.call("GET", boot_key) or ""
if string.match(boot, "^%S*") ~= run_id then
  redis.call("SET", boot_key, run_id .. " " .. now)
  reason = "new redis"
end

redis.call("DEL", origin_key, held_key)
redis.call("HSET", origin_key, "name", name, "instance", instance, "epoch", epoch, "since", now, unpack(ARGV, 9))
redis.call("PEXPIRE", origin_key, ttl)

for _, other in ipairs(redis.call("SMEMBERS", origins_key)) do
  if redis.call("EXISTS", root .. "origin:" .. other) == 0 then
    redis.call("SREM", origins_key, other)
  end
end
redis.call("SADD", origins_key, name)
redis.call("PEXPIRE", origins_key, index_ttl)

redis.call("XADD", events_key, "MAXLEN", "~", log_length, "*", "type", "registered", "origin", name, "epoch", epoch,
  "token", epoch, "instance", instance, "reason", reason, "by", name)
-- There is one more to take ingests.
local planner = redis.call("HGET", root .. "plan", "_by")
if planner then
  redis.call("PUBLISH", root .. "notify:" .. planner, "ingests")
end
return { "registered", epoch, now }
