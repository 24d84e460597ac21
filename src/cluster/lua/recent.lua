-- What was published to the nodes that follow a channel or person. ARGV: prefix, topic, the position
-- after which to begin, and how many at most. Answers each as it was published, and nothing for an
-- entry that is no longer in its log.
local P, topic, after, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local SHARDS = 64

local function parts(id)
  local ms, sequence = string.match(id, '(%d+)-(%d+)')
  return tonumber(ms), tonumber(sequence)
end

local after_ms, after_sequence = parts(after)

local function is_after(position)
  local ms, sequence = parts(position)
  return ms > after_ms or (ms == after_ms and sequence > after_sequence)
end

local function published(position, before, id)
  local ms, sequence = parts(id)
  local shard = sequence % SHARDS
  local entry = string.format('%.0f-%.0f', ms, (sequence - shard) / SHARDS)
  local log = P .. ':log:' .. string.format('%.0f', shard)
  local found = redis.call('XRANGE', log, entry, entry)[1]
  if found then
    return table.concat({ position, before, id, found[2][2], found[2][4] }, ' ')
  end
  return ''
end

local answer = {}
for _, kept in ipairs(redis.call('LRANGE', P .. ':recent:' .. topic, 0, -1)) do
  local position, before, id = string.match(kept, '^(%S+) (%S+) (%S+)$')
  if #answer < most and is_after(position) then
    answer[#answer + 1] = published(position, before, id)
  end
end
return answer
