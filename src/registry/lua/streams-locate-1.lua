-- Find the owners of any number of streams, with their sessions, and the ingests that should bring the others.
--
-- KEYS[1]  {holdfast}:  root of the keys derived here: stream:<key> of every stream, origin:<owner> of every owner,
--                       ingest:<key> of every stream that nobody owns or an ingest feeds
-- ARGV[1..]  keys
--
-- Returns  { now_ms, { record or nil, … }, { session, … }, { place, onDemand, … } }
--          records in the order of ARGV; nil where no live session owns the key
--          record and session: { field, value, … }; each session once, found again by its name
--          places in ARGV of those streams, with onDemand of their enabled ingest; the others are left out
local root = KEYS[1]

local time = redis.call("TIME")
local records, sessions, epochs, ingests = {}, {}, {}, {}

local function epoch_of(owner)
  if epochs[owner] == nil then
    local session = redis.call("HGETALL", root .. "origin:" .. owner)
    epochs[owner] = false
    for i = 1, #session, 2 do
      if session[i] == "epoch" then
        epochs[owner] = session[i + 1]
        sessions[#sessions + 1] = session
      end
    end
  end
  return epochs[owner]
end

local function add_ingest(place, key)
  local found = redis.call("HMGET", root .. "ingest:" .. key, "enabled", "removed", "url", "onDemand")
  -- Without a URL the key is only reserved, by hand.
  if found[1] == "1" and (found[2] or "0") == "0" and (found[3] or "") ~= "" then
    ingests[#ingests + 1] = place
    ingests[#ingests + 1] = found[4] or "0"
  end
end

for i, key in ipairs(ARGV) do
  local record, owner, epoch, kind = redis.call("HGETALL", root .. "stream:" .. key), nil, nil, nil
  for f = 1, #record, 2 do
    if record[f] == "origin" then owner = record[f + 1] end
    if record[f] == "epoch" then epoch = record[f + 1] end
    if record[f] == "kind" then kind = record[f + 1] end
  end
  records[i] = owner and epoch and epoch_of(owner) == epoch and record or false
  if not records[i] or kind == "ingest" then
    add_ingest(i, key)
  end
end
return { string.format("%.0f", time[1] * 1000 + math.floor(time[2] / 1000)), records, sessions, ingests }
