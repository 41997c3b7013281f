-- Make a session the owner of a stream, under a new token, or say why not.
--
-- KEYS[1]  {holdfast}:stream:<key>   HASH    the record; valid only while its owner's session has the same epoch
-- KEYS[2]  {holdfast}:origin:<name>  HASH    the claimant's session
-- KEYS[3]  {holdfast}:epoch          STRING  last number given; only grows
-- KEYS[4]  {holdfast}:held:<name>    SET     streams of the claimant's session
-- KEYS[5]  {holdfast}:ingest:<key>   HASH    definition of an ingest that feeds this key, if there is one
-- KEYS[6]  {holdfast}:events         STREAM
-- KEYS[7]  {holdfast}:lease:<key>    STRING  the lease of that ingest, when it lives in this Redis
-- KEYS[8]  {holdfast}:               root of the keys derived from the present owner:
--                                    origin:<owner>  held:<owner>  lost:<owner>@<epoch>  notify:<owner>
-- ARGV[1]  key      ARGV[2]  name     ARGV[3]  instance   ARGV[4]  epoch
-- ARGV[5]  kind: publish, ingest      ARGV[6]  policy: takeover, reject, standby, reclaim
-- ARGV[7]  record TTL, ms             ARGV[8]  index TTL, ms             ARGV[9]   TTL of the losses, ms
-- ARGV[10] highest token the claimant knows for the key                  ARGV[11]  not after, ms of Redis time
-- ARGV[12] shortest pause between two take-overs, ms                     ARGV[13]  longest such pause, ms
-- ARGV[14] publisher                  ARGV[15] codecs                    ARGV[16]  format of the record
-- ARGV[17] longest event log, entries
-- ARGV[18] rank of the encoder: the least comes first; 0 when it has none
-- ARGV[19] why an encoder that stood by goes on: gone, stalled, preferred; empty when it has just come
-- ARGV[20] token under which the ingest is pulled; 0 for a publish
-- ARGV[21] value that the lease must have; empty when it lives elsewhere, and for a publish
--
-- Returns  { "granted", token, previous }      previous: who lost it to the claimant, or empty
--          { "held", owner, token }            a live session owns it, and the policy leaves it there
--          { "too-soon", owner, retry_in_ms }  it was taken over a moment ago
--          { "ingested", ingest }              an enabled ingest feeds the key
--          { "stale-ingest" }                  the ingest is begun under a later token, or its lease is another's
--          { "session-lost" }                  the claimant's session is not the current one
--          { "late", now_ms }                  nobody waits for the answer any more
-- Events   claimed, taken-over, switched
local stream_key, origin_key, epoch_key, held_key, ingest_key, events_key, lease_key, root =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local key, name, instance, epoch, kind, policy = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local ttl, index_ttl, lost_ttl = ARGV[7], ARGV[8], ARGV[9]
local former, not_after, pause_min, pause_max =
  tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
local publisher, codecs, format, log_length = ARGV[14], ARGV[15], ARGV[16], ARGV[17]
local rank, switched, ingest_token, lease = ARGV[18], ARGV[19], ARGV[20], ARGV[21]

local time = redis.call("TIME")
local now_us = time[1] * 1000000 + time[2]
local now = math.floor(now_us / 1000)

local function whole(number)
  return string.format("%.0f", number)
end

local function next_token(floor)
  local last = tonumber(redis.call("GET", epoch_key) or "0") or 0
  local token = string.format("%.0f", math.max(last + 1, now_us, floor + 1))
  redis.call("SET", epoch_key, token)
  return token
end

if now > not_after then
  return { "late", whole(now) }
end

local session = redis.call("HMGET", origin_key, "instance", "epoch")
if session[1] ~= instance or session[2] ~= epoch then
  return { "session-lost" }
end
-- Who had the stream before the ingest was defined keeps it, also when its session had to be registered again.
if kind == "publish" and policy ~= "reclaim" and redis.call("HGET", ingest_key, "enabled") == "1" then
  return { "ingested", key }
end
if kind == "ingest" then
  local begun = redis.call("HMGET", ingest_key, "owner", "epoch", "token")
  local is_ours = begun[1] == name and begun[2] == epoch and begun[3] == ingest_token
  if not is_ours or (lease ~= "" and redis.call("GET", lease_key) ~= lease) then
    return { "stale-ingest" }
  end
end

local fields = redis.call("HMGET", stream_key, "origin", "epoch", "token", "takeovers", "pausedUntil", "countedUntil",
  "rank", "stalled")
local owner, owner_epoch, owner_token = fields[1], fields[2], fields[3]
-- A record without an epoch was given up; only its counts are left.
if owner_epoch == "0" then
  owner = false
end
local takeovers, paused_until, counted_until =
  tonumber(fields[4] or "0") or 0, tonumber(fields[5] or "0") or 0, tonumber(fields[6] or "0") or 0

local owner_rank, stalled = tonumber(fields[7] or "0") or 0, fields[8] == "1"

local same_session = owner == name and owner_epoch == epoch
local owned = owner and redis.call("HGET", root .. "origin:" .. owner, "epoch") == owner_epoch
-- A record of the claimant's own session is no obstacle to a reclaim: nobody else can be feeding the stream.
local contested = owned and not (same_session and policy == "reclaim")

local preferred = switched == "preferred" and not stalled
local function gives_way()
  if policy ~= "standby" then
    return policy == "takeover"
  end
  -- Which of its own encoders feeds a stream is for an origin alone to decide.
  if same_session then
    return true
  end
  local before = owner_rank ~= 0 and tonumber(rank) < owner_rank
  return switched ~= "" and (stalled or preferred and before)
end

if contested and not gives_way() then
  return { "held", owner, owner_token }
end
-- Nobody waits for a stream that does not flow.
local counts = contested and (policy == "takeover" or preferred)
if counts and now < paused_until then
  return { "too-soon", owner, whole(paused_until - now) }
end

if not owned and policy ~= "standby" or now >= counted_until then
  takeovers, paused_until, counted_until = 0, 0, 0
end
if counts then
  takeovers = takeovers + 1
  local pause = math.min(pause_max, pause_min * 2 ^ (takeovers - 1))
  paused_until = now + pause
  counted_until = paused_until + pause_max
end
local previous = owner and (contested or owner ~= name) and owner or ""

-- The first write is one that a full Redis refuses, so that the script never stops half way.
local token = next_token(math.max(former, tonumber(owner_token or "0") or 0))
redis.call("DEL", stream_key)
redis.call("HSET", stream_key, "format", format, "origin", name, "epoch", epoch, "token", token, "kind", kind,
  "since", whole(now), "publisher", publisher, "codecs", codecs, "previous", previous,
  "takeovers", whole(takeovers), "pausedUntil", whole(paused_until), "countedUntil", whole(counted_until),
  "rank", rank, "stalled", "0")
redis.call("PEXPIRE", stream_key, ttl)
redis.call("SADD", held_key, key)
redis.call("PEXPIRE", held_key, index_ttl)
if owner and owner ~= name then
  redis.call("SREM", root .. "held:" .. owner, key)
end

local event, reason = "claimed", "new"
if switched ~= "" then
  event = "switched"
  reason = not contested and "gone" or not same_session and stalled and "stalled" or switched
elseif contested then
  event, reason = "taken-over", "second " .. kind
elseif policy == "reclaim" then
  reason = "reclaimed"
elseif owner then
  reason = "owner gone"
end
redis.call("XADD", events_key, "MAXLEN", "~", log_length, "*", "type", event, "stream", key, "origin", name,
  "epoch", epoch, "token", token, "kind", kind, "publisher", publisher, "previous", previous, "reason", reason,
  "by", name)

-- An origin that replaces its own encoder knows it already; only another session has to hear of its loss.
if contested and not same_session then
  local lost_key = root .. "lost:" .. owner .. "@" .. owner_epoch
  redis.call("SADD", lost_key, token .. " " .. key)
  redis.call("PEXPIRE", lost_key, lost_ttl)
  redis.call("PUBLISH", root .. "notify:" .. owner, "taken-over " .. token .. " " .. key)
end
return { "granted", token, previous }
