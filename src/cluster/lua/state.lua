-- How far behind a node and the store are. ARGV: prefix, how many shards,
-- up to where the node has read the news and each shard, unless it hears of those otherwise. Answers the time, when
-- the oldest entry it has not read came (or 0), how many entries are not in
-- the store yet, and when the oldest of these came (or 0), in ms.
local P, shards = ARGV[1], tonumber(ARGV[2])
-- The most entries counted in each shard, where Redis does not know the number itself.
local most = 1000

local function ms(id)
  return tonumber(string.match(id, '%d+'))
end
local function oldest(stream, after)
  local first = redis.call('XRANGE', stream, '(' .. after, '+', 'COUNT', 1)[1]
  return first and ms(first[1]) or 0
end
local function earlier(one, other)
  if one == 0 or (other ~= 0 and other < one) then
    return other
  end
  return one
end

local unread = oldest(P .. ':news', ARGV[3])
local unstored, since = 0, 0
for shard = 0, shards - 1 do
  local log = P .. ':log:' .. shard
  local read = ARGV[4 + shard]
  if read then
    unread = earlier(unread, oldest(log, read))
  end
  if redis.call('EXISTS', log) == 1 then
    for _, group in ipairs(redis.call('XINFO', 'GROUPS', log)) do
      local fields = {}
      for i = 1, #group, 2 do
        fields[group[i]] = group[i + 1]
      end
      if fields['name'] == 'store' then
        local last = fields['last-delivered-id']
        local waiting = fields['lag']
        if not waiting then
          waiting = #redis.call('XRANGE', log, '(' .. last, '+', 'COUNT', most)
        end
        unstored = unstored + fields['pending'] + waiting
        if fields['pending'] > 0 then
          since = earlier(since, ms(redis.call('XPENDING', log, 'store')[2]))
        elseif waiting > 0 then
          since = earlier(since, oldest(log, last))
        end
      end
    end
  end
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local answer = { now, unread, unstored, since }
for i, number in ipairs(answer) do
  answer[i] = string.format('%.0f', number)
end
return answer
