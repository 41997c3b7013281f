-- Find the owners of any number of streams, with their sessions.
--
-- KEYS[1]  {holdfast}:  root of the keys derived here: stream:<key> of every stream, origin:<owner> of every owner
-- ARGV[1..]  keys
--
-- Returns  { now_ms, { record or nil, … }, { session, … } }
--          records in the order of ARGV; nil where no live session owns the key
--          record and session: { field, value, … }; each session once, found again by its name
local root = KEYS[1]

local time = redis.call("TIME")
local records, sessions, epochs = {}, {}, {}

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

for i, key in ipairs(ARGV) do
  local record, owner, epoch = redis.call("HGETALL", root .. "stream:" .. key), nil, nil
  for f = 1, #record, 2 do
    if record[f] == "origin" then owner = record[f + 1] end
    if record[f] == "epoch" then epoch = record[f + 1] end
  end
  records[i] = owner and epoch and epoch_of(owner) == epoch and record or false
end
return { string.format("%.0f", time[1] * 1000 + math.floor(time[2] / 1000)), records, sessions }
