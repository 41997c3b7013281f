-- End a session. All its streams are free at once, since their records need it.
--
-- KEYS[1]  {holdfast}:origin:<name>          HASH  the session
-- KEYS[2]  {holdfast}:origins                SET   names of the fleet
-- KEYS[3]  {holdfast}:held:<name>            SET   streams of the session
-- KEYS[4]  {holdfast}:lost:<name>@<epoch>    SET   losses not acknowledged
-- KEYS[5]  {holdfast}:events                 STREAM
-- KEYS[6]  {holdfast}:                       root of the keys derived here: notify:<name> of everybody left
-- ARGV[1]  name   ARGV[2]  instance   ARGV[3]  epoch   ARGV[4]  reason   ARGV[5]  longest event log, entries
--
-- Returns  1 ended · 0 this was not the current session; nothing was written
-- Events   left
local origin_key, origins_key, held_key, lost_key, events_key, root =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local name, instance, epoch, reason, log_length = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local holder = redis.call("HMGET", origin_key, "instance", "epoch")
if holder[1] ~= instance or holder[2] ~= epoch then
  return 0
end

redis.call("DEL", origin_key, held_key, lost_key)
redis.call("SREM", origins_key, name)
redis.call("XADD", events_key, "MAXLEN", "~", log_length, "*", "type", "left", "origin", name, "epoch", epoch,
  "token", epoch, "instance", instance, "reason", reason, "by", name)
-- Its ingests need somebody, and the fleet perhaps a planner.
for _, other in ipairs(redis.call("SMEMBERS", origins_key)) do
  redis.call("PUBLISH", root .. "notify:" .. other, "ingests")
end
return 1
