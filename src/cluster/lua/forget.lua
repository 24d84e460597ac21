-- Removes what is kept for nodes that have missed something of channels and people that nothing was
-- published of for long. ARGV: prefix, shard, how many at most, and the age in ms at which they are
-- old, if that is to be sooner than usual. Answers how many were removed.
--
-- Removing comes before writing: a Redis whose memory is full lets a script write only after it has
-- freed something.
local P, shard, most, age = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local floor = tonumber(redis.call('HGET', P .. ':clock', 'floor') or '0')
if age then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  floor = math.max(floor, now - age)
end
local recents = P .. ':recents:{' .. shard .. '}'
local before = '(' .. string.format('%.0f', floor)
local old = redis.call('ZRANGEBYSCORE', recents, '-inf', before, 'WITHSCORES', 'LIMIT', 0, most)
for at = 1, #old, 2 do
  redis.call('DEL', P .. ':recent:' .. old[at])
  redis.call('ZREM', recents, old[at])
end
if #old > 0 then
  -- A node that has not heard of anything since then may have missed one.
  redis.call('HSET', P .. ':forgotten', shard, old[#old] .. '-0')
end
return #old / 2
