-- Makes a node live. ARGV: prefix, node, what it says of itself, shards.
-- Answers the id after which it follows the news, then that of each log; or
-- nothing, if the chat has another number of shards, but that number.
local P, node, about, shards = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
-- A Redis whose memory is full lets a script write only after it has freed
-- something. What follows is small, and without a live node nothing
-- would ever be freed.
redis.call('DEL', P .. ':nothing')
redis.call('SET', P .. ':shards', shards, 'NX')
local agreed = redis.call('GET', P .. ':shards')
if agreed ~= shards then
  return { 'shards', agreed }
end
local function last(stream, short)
  local entry = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  return entry and entry[1] or redis.call('HGET', P .. ':trimmed', short) or '0-0'
end
redis.call('HSET', P .. ':nodes', node, about)
redis.call('HSET', P .. ':beats', node, redis.call('HGET', P .. ':clock', 'tick') or '0')
local cursors = { 'live', last(P .. ':news', 'news') }
for shard = 0, tonumber(shards) - 1 do
  local log = P .. ':log:' .. shard
  -- Fails if the group exists.
  redis.pcall('XGROUP', 'CREATE', log, 'store', '0', 'MKSTREAM')
  cursors[#cursors + 1] = last(log, tostring(shard))
end
return cursors
