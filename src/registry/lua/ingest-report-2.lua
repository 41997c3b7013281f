-- Write what the owner of an ingest makes of it.
--
-- KEYS[1]  {holdfast}:ingest:<key>  HASH    the ingest
-- KEYS[2]  {holdfast}:events        STREAM
-- ARGV[1]  key     ARGV[2]  name      ARGV[3]  token   ARGV[4]  state   ARGV[5]  profile   ARGV[6]  error
-- ARGV[7]  marks   ARGV[8]  life of a definition from a config file, ms
-- ARGV[9]  longest event log, entries
--
-- Returns  1; 0 when a later token is there, or nothing at all
-- Events   ingest-live, ingest-retrying, ingest-resting, ingest-idle
local ingest_key, events_key = KEYS[1], KEYS[2]
local key, name, token, state, profile, message = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local marks, life, log_length = ARGV[7], ARGV[8], ARGV[9]

local known = redis.call("HMGET", ingest_key, "token", "state", "error", "source", "owner")
if known[1] ~= token or known[5] ~= name then
  return 0
end
-- PEXPIRE first: a full Redis allows it.
if known[4] == "config" and redis.call("PTTL", ingest_key) > 0 then
  redis.call("PEXPIRE", ingest_key, life)
end
redis.call("HSET", ingest_key, "state", state, "profile", profile, "error", message, "marks", marks)
local told = state == "live" or state == "retrying" or state == "resting" or state == "idle"
if told and (known[2] ~= state or known[3] ~= message) then
  redis.call("XADD", events_key, "MAXLEN", "~", log_length, "*", "type", "ingest-" .. state, "ingest", key, "origin",
    name, "token", token, "profile", profile, "reason", message, "by", name)
end
return 1
