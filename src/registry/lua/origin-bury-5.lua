-- End the session of a process that was proven dead.
--
-- All its streams are free at once. Its leases are ended next, at the nodes that keep them.
--
-- KEYS[1]  {holdfast}:origin:<name>          HASH  the session
-- KEYS[2]  {holdfast}:origins                SET   names of the fleet
-- KEYS[3]  {holdfast}:held:<name>            SET   streams of the session
-- KEYS[4]  {holdfast}:lost:<name>@<epoch>    SET   losses not acknowledged
-- KEYS[5]  {holdfast}:events                 STREAM
-- ARGV[1]  name   ARGV[2]  instance   ARGV[3]  epoch   ARGV[4]  beat when it was suspected   ARGV[5]  by
-- ARGV[6]  longest event log, entries
--
-- Returns  1 ended · 0 it is another session, or has beaten since: nothing was written
-- Events   buried
local origin_key, origins_key, held_key, lost_key, events_key = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local name, instance, epoch, beat, by, log_length = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local session = redis.call("HMGET", origin_key, "instance", "epoch", "beat")
if session[1] ~= instance or session[2] ~= epoch or (session[3] or "0") ~= beat then
  return 0
end

redis.call("DEL", origin_key, held_key, lost_key)
redis.call("SREM", origins_key, name)
redis.call("XADD", events_key, "MAXLEN", "~", log_length, "*", "type", "buried", "origin", name, "epoch", epoch,
  "token", epoch, "instance", instance, "reason", "its process is gone", "by", by)
return 1
