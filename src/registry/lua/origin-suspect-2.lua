-- Wake a process that somebody believes to be dead, so that it beats if it lives.
--
-- KEYS[1]  {holdfast}:origin:<name>  HASH  the session
-- KEYS[2]  {holdfast}:               root of the key derived here: notify:<name>
-- ARGV[1]  name   ARGV[2]  instance of the process
--
-- Returns  { epoch, beat }  the session of that process, and the beat that has to move
--          { }              it has none
local origin_key, root = KEYS[1], KEYS[2]
local name, instance = ARGV[1], ARGV[2]

local session = redis.call("HMGET", origin_key, "instance", "epoch", "beat")
if session[1] ~= instance then
  return {}
end
redis.call("PUBLISH", root .. "notify:" .. name, "suspected")
return { session[2], session[3] or "0" }
