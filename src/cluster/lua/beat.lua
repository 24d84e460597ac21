-- A node's beat. ARGV: prefix, node, what it reports about itself, shortest tick in ms, ticks
-- without a beat until a node is dead, ticks that entries are kept. Answers "gone", or the tick,
-- the nodes, the tick of each node's last beat, and the time in ms.
--
-- Time is counted in ticks, which pass only while beats arrive: when Redis stands still, or no node
-- reaches it, no node grows older.
local P, node, about = ARGV[1], ARGV[2], ARGV[3]
local shortest, patience, keep = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local nodes, beats, clock = P .. ':nodes', P .. ':beats', P .. ':clock'
if redis.call('HEXISTS', nodes, node) == 0 then
  return { 'gone' }
end

-- A Redis whose memory is full lets a script write only after it has freed
-- something. What follows is small, and has to go on for anything to be
-- freed at all.
redis.call('DEL', P .. ':nothing')

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local was = redis.call('HMGET', clock, 'tick', 'ms', 'next')
local tick, at = tonumber(was[1] or '0'), tonumber(was[2] or '0')
if now - at >= shortest or now < at then
  tick = tick + 1
  local ms = string.format('%.0f', now)
  redis.call('HSET', clock, 'tick', string.format('%.0f', tick), 'ms', ms)
  if tick % keep == 0 then
    -- Whatever is older than `floor` has been there for at least `keep` ticks.
    redis.call('HSET', clock, 'floor', was[3] or '0', 'next', ms)
  end
end
redis.call('HSET', nodes, node, about)
redis.call('HSET', beats, node, string.format('%.0f', tick))
local by_interest = is_by_interest(P)
if by_interest then
  -- The node's thread that hears publications knows by this that it still does, and the time.
  redis.call('PUBLISH', P .. ':t:node:' .. node, string.format('%.0f', now))
end

local last = redis.call('HGETALL', beats)
for i = 1, #last, 2 do
  if tick - tonumber(last[i + 1]) > patience then
    local dead = last[i]
    redis.call('HDEL', nodes, dead)
    redis.call('HDEL', beats, dead)
    redis.call('SADD', P .. ':dead', dead)
    tell_all(P, by_interest, dead, '{"v":1,"d":"Gone"}')
  end
end

-- Cleans up after one dead node, a little at a time.
local dead = redis.call('SRANDMEMBER', P .. ':dead')
if dead then
  local names = P .. ':names:' .. dead
  local some = redis.call('SPOP', names, 500)
  for _, key in ipairs(some) do
    local name = P .. ':name:' .. key
    if redis.call('HDEL', name, dead) == 1
      and redis.call('HLEN', name) - redis.call('HEXISTS', name, 'looks') <= 1 then
      redis.call('DEL', name)
    end
  end
  if #some == 0 then
    redis.call('DEL', P .. ':people:' .. dead)
    -- The node may only have been suspended, and may still ask.
    redis.call('EXPIRE', P .. ':answer:' .. dead, 86400)
    redis.call('SREM', P .. ':dead', dead)
  end
end
return {
  'live',
  tick,
  redis.call('HGETALL', nodes),
  redis.call('HGETALL', beats),
  string.format('%.0f', now),
}
