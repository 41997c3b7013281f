-- Write down what a stream consists of and whether it flows, if the writer still owns it.
--
-- KEYS[1]  {holdfast}:stream:<key>  HASH  the record
-- ARGV[1]  name   ARGV[2]  epoch   ARGV[3]  token   ARGV[4]  codecs   ARGV[5]  stalled: 1, 0
--
-- Returns  1 written · 0 the token is not the record's any more
local stream_key = KEYS[1]
local name, epoch, token, codecs, stalled = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local record = redis.call("HMGET", stream_key, "origin", "epoch", "token")
if record[1] ~= name or record[2] ~= epoch or record[3] ~= token then
  return 0
end
redis.call("HSET", stream_key, "codecs", codecs, "stalled", stalled)
return 1
