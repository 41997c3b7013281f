-- Give streams up: delete the records that still carry this session's tokens.
--
-- KEYS[1]  {holdfast}:held:<name>  SET     streams of the session
-- KEYS[2]  {holdfast}:events       STREAM
-- KEYS[3]  {holdfast}:             root of the keys derived here: stream:<key> of every stream
-- ARGV[1]  name   ARGV[2]  epoch   ARGV[3]  reason   ARGV[4]  longest event log, entries   ARGV[5..] token, key, …
--
-- Returns  how many were released; the others are not ours, and were left alone
-- Events   released
local held_key, events_key, root = KEYS[1], KEYS[2], KEYS[3]
local name, epoch, reason, log_length = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local released = 0
for i = 5, #ARGV, 2 do
  local token, key = ARGV[i], ARGV[i + 1]
  local stream_key = root .. "stream:" .. key
  local record = redis.call("HMGET", stream_key, "origin", "epoch", "token")
  if record[1] == name and record[2] == epoch and record[3] == token then
    redis.call("DEL", stream_key)
    redis.call("SREM", held_key, key)
    redis.call("XADD", events_key, "MAXLEN", "~", log_length, "*", "type", "released", "stream", key, "origin", name,
      "epoch", epoch, "token", token, "reason", reason, "by", name)
    released = released + 1
  end
end
return released
