-- Write down that the encoder of a stream is to be disconnected, for the origin that owns it now.
--
-- KEYS[1]  {holdfast}:stream:<key>  HASH  the record
-- KEYS[2]  {holdfast}:              root of the keys derived here: origin:<owner>, kicks:<owner>@<epoch>, events,
--                                   notify:<owner>
-- ARGV[1]  key   ARGV[2]  by   ARGV[3]  TTL of the kick, ms   ARGV[4]  longest event log, entries
--
-- Returns  { owner, token }  who will hear it, and for which ownership it counts: none that comes later
--          { }               nobody owns the stream, or no encoder feeds it
-- Events   wished
local stream_key, root = KEYS[1], KEYS[2]
local key, by, ttl, log_length = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local record = redis.call("HMGET", stream_key, "origin", "epoch", "token", "kind")
local owner, epoch, token, kind = record[1], record[2], record[3], record[4]
if not owner or kind ~= "publish" or redis.call("HGET", root .. "origin:" .. owner, "epoch") ~= epoch then
  return {}
end

-- Heard again with every heartbeat until it expires; by then the token is not the present one any more.
local kicks_key = root .. "kicks:" .. owner .. "@" .. epoch
redis.call("SADD", kicks_key, token .. " " .. key)
redis.call("PEXPIRE", kicks_key, ttl)
redis.call("XADD", root .. "events", "MAXLEN", "~", log_length, "*", "type", "wished", "stream", key, "origin", owner,
  "epoch", epoch, "token", token, "reason", "kick", "by", by)
redis.call("PUBLISH", root .. "notify:" .. owner, "wished")
return { owner, token }
