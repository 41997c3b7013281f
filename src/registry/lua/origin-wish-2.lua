-- Write down what an operator wants of an origin: to drain, or to take new streams again. The last wish counts.
--
-- KEYS[1]  {holdfast}:origin:<name>  HASH  the session; the wish ends with it
-- KEYS[2]  {holdfast}:               root of the keys derived here: events, notify:<name>
-- ARGV[1]  name   ARGV[2]  state: draining, up   ARGV[3]  by   ARGV[4]  longest event log, entries
--
-- Returns  { epoch, state }  of the session that will hear it, and the state that it was in
--          { }               no origin of this name is alive
-- Events   wished
local origin_key, root = KEYS[1], KEYS[2]
local name, state, by, log_length = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local session = redis.call("HMGET", origin_key, "epoch", "state", "wish")
local epoch, present, wish = session[1], session[2] or "up", session[3] or ""
if not epoch then
  return {}
end

-- A number that grows tells a new wish from the one that was heard with the heartbeat before.
local time = redis.call("TIME")
local last = tonumber(string.match(wish, "^%d+") or "0")
local number = string.format("%.0f", math.max(last + 1, time[1] * 1000000 + time[2]))
redis.call("HSET", origin_key, "wish", number .. " " .. state)
redis.call("XADD", root .. "events", "MAXLEN", "~", log_length, "*", "type", "wished", "origin", name, "epoch", epoch,
  "token", epoch, "reason", state == "draining" and "drain" or "undrain", "by", by)
redis.call("PUBLISH", root .. "notify:" .. name, "wished")
return { epoch, present }
