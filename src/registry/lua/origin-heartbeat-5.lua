-- Renew a session and everything that hangs on it, and say which of its streams were taken over, and what is wished.
--
-- KEYS[1]  {holdfast}:origin:<name>          HASH  the session
-- KEYS[2]  {holdfast}:origins                SET   names of the fleet
-- KEYS[3]  {holdfast}:held:<name>            SET   streams of the session
-- KEYS[4]  {holdfast}:lost:<name>@<epoch>    SET   "<token> <key>": taken over from this session, not acknowledged
-- KEYS[5]  {holdfast}:kicks:<name>@<epoch>   SET   "<token> <key>": encoders to disconnect
-- ARGV[1]  name   ARGV[2]  instance   ARGV[3]  epoch   ARGV[4]  session TTL, ms   ARGV[5]  index TTL, ms
-- ARGV[6]  TTL of the losses, ms      ARGV[7]  beat    ARGV[8]  state             ARGV[9]  load, 0 to 1
-- ARGV[10] streams owned              ARGV[11..]  losses acted on, as they stand in KEYS[4]
--
-- Returns  { "alive", now_ms, wish, { loss, … }, { kick, … } }
--          wish: "<number> <state>" as origin-wish wrote it, or empty; a kick as it stands in KEYS[5]
--          { "lost", instance }  who holds the name now; empty when nobody does. Nothing was written.
local origin_key, origins_key, held_key, lost_key, kicks_key = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local name, instance, epoch, ttl, index_ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local lost_ttl, beat, state, load, streams = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]

local holder = redis.call("HMGET", origin_key, "instance", "epoch", "wish")
if holder[1] ~= instance or holder[2] ~= epoch then
  return { "lost", holder[1] or "" }
end

-- PEXPIRE comes first: a full Redis allows it, and after a first write it allows the others of this script, too.
redis.call("PEXPIRE", origin_key, ttl)
redis.call("HSET", origin_key, "beat", beat, "state", state, "load", load, "streams", streams)
redis.call("SADD", origins_key, name)
redis.call("PEXPIRE", origins_key, index_ttl)
redis.call("PEXPIRE", held_key, index_ttl)

for i = 11, #ARGV do
  redis.call("SREM", lost_key, ARGV[i])
end
redis.call("PEXPIRE", lost_key, lost_ttl)

local time = redis.call("TIME")
local now = string.format("%.0f", time[1] * 1000 + math.floor(time[2] / 1000))
return { "alive", now, holder[3] or "", redis.call("SMEMBERS", lost_key), redis.call("SMEMBERS", kicks_key) }
