-- Makes a node live. ARGV: prefix, node, what it says of itself, shards, whether nodes hear only
-- what their people need ('interest') or 'all', and after how many ms without a beat no node lives.
-- Answers the id after which it follows the news, then that of each log; or the number of shards of
-- the chat if it is another one, or the form of delivery that the live nodes have.
local P, node, about, shards, delivery = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local silent = tonumber(ARGV[6])
-- A Redis whose memory is full lets a script write only after it has freed
-- something. What follows is small, and without a live node nothing
-- would ever be freed.
redis.call('DEL', P .. ':nothing')

local function is_any_alive()
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local beaten = tonumber(redis.call('HGET', P .. ':clock', 'ms') or '0')
  return redis.call('HLEN', P .. ':nodes') > 0 and now - beaten < silent
end

-- Nodes that no longer beat, and may be back, find out that they have been given up.
local function give_up_all()
  for _, other in ipairs(redis.call('HKEYS', P .. ':nodes')) do
    redis.call('HDEL', P .. ':nodes', other)
    redis.call('HDEL', P .. ':beats', other)
    redis.call('SADD', P .. ':dead', other)
    tell_all(P, false, other, '{"v":1,"d":"Gone"}')
  end
end

local wanted = shards
if delivery == 'interest' then
  wanted = shards .. ' interest'
end
redis.call('SET', P .. ':shards', wanted, 'NX')
local agreed = redis.call('GET', P .. ':shards')
if agreed ~= wanted then
  local theirs = string.match(agreed, '^%d+')
  if theirs ~= shards then
    return { 'shards', theirs or agreed }
  end
  if is_any_alive() then
    return { 'delivery', is_by_interest(P) and 'interest' or 'all' }
  end
  give_up_all()
  redis.call('SET', P .. ':shards', wanted)
end
redis.call('HSET', P .. ':nodes', node, about)
redis.call('HSET', P .. ':beats', node, redis.call('HGET', P .. ':clock', 'tick') or '0')
local cursors = { 'live', last_entry(P, P .. ':news', 'news') }
for shard = 0, tonumber(shards) - 1 do
  local log = P .. ':log:' .. shard
  -- Fails if the group exists.
  redis.pcall('XGROUP', 'CREATE', log, 'store', '0', 'MKSTREAM')
  cursors[#cursors + 1] = last_entry(P, log, tostring(shard))
end
return cursors
