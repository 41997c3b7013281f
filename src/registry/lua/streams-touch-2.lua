-- Keep a session's records from being collected, and say which are not its own any more.
--
-- KEYS[1]  {holdfast}:held:<name>  SET   streams of the session; mended here
-- KEYS[2]  {holdfast}:             root of the keys derived here: stream:<key> of every stream, origin:<owner>
-- ARGV[1]  name   ARGV[2]  epoch   ARGV[3]  record TTL, ms   ARGV[4]  index TTL, ms   ARGV[5..] token, key, …
--
-- Returns  { index, outcome, token, … }  only streams that are not ours; index counts them from 1
--          outcome "missing": no live session owns it, claim it again (token 0)
--          outcome "taken":   somebody else's, under that token
local held_key, root = KEYS[1], KEYS[2]
local name, epoch, ttl, index_ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local losses = {}
local function lose(index, outcome, token)
  losses[#losses + 1] = index
  losses[#losses + 1] = outcome
  losses[#losses + 1] = token
end

for i = 5, #ARGV, 2 do
  local token, key = ARGV[i], ARGV[i + 1]
  local index = (i - 3) / 2
  local record = redis.call("HMGET", root .. "stream:" .. key, "origin", "epoch", "token")
  if record[1] == name and record[2] == epoch and record[3] == token then
    redis.call("PEXPIRE", root .. "stream:" .. key, ttl)
    redis.call("SADD", held_key, key)
  elseif record[1] and redis.call("HGET", root .. "origin:" .. record[1], "epoch") == record[2] then
    lose(index, "taken", record[3])
  else
    lose(index, "missing", "0")
  end
end
redis.call("PEXPIRE", held_key, index_ttl)
return losses
