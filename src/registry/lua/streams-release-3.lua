-- Give streams up: delete the records that still carry this session's tokens.
--
-- A record whose take-overs still count is emptied instead: without an epoch it names no owner, and the counts pass on
-- to the next one.
--
-- KEYS[1]  {holdfast}:held:<name>  SET     streams of the session
-- KEYS[2]  {holdfast}:events       STREAM
-- KEYS[3]  {holdfast}:             root of the keys derived here: stream:<key> of every stream
-- ARGV[1]  name   ARGV[2]  epoch   ARGV[3]  reason   ARGV[4]  longest event log, entries
-- ARGV[5]  longest life of an emptied record, ms   ARGV[6..] token, key, …
--
-- Returns  how many were released; the others are not ours, and were left alone
-- Events   released
local held_key, events_key, root = KEYS[1], KEYS[2], KEYS[3]
local name, epoch, reason, log_length, rest = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])

local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local released = 0
for i = 6, #ARGV, 2 do
  local token, key = ARGV[i], ARGV[i + 1]
  local stream_key = root .. "stream:" .. key
  local record = redis.call("HMGET", stream_key, "origin", "epoch", "token", "rank", "countedUntil")
  if record[1] == name and record[2] == epoch and record[3] == token then
    local left = (record[4] or "0") ~= "0" and (tonumber(record[5] or "0") or 0) - now or 0
    if left > 0 then
      redis.call("HSET", stream_key, "epoch", "0")
      redis.call("PEXPIRE", stream_key, string.format("%.0f", math.min(left, rest)))
    else
      redis.call("DEL", stream_key)
    end
    redis.call("SREM", held_key, key)
    redis.call("XADD", events_key, "MAXLEN", "~", log_length, "*", "type", "released", "stream", key, "origin", name,
      "epoch", epoch, "token", token, "reason", reason, "by", name)
    released = released + 1
  end
end
return released
