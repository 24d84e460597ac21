-- Removes consumers of a log that have nothing pending and have not been seen for long. ARGV:
-- prefix, shard, how long in ms.
local P, shard, long = ARGV[1], ARGV[2], tonumber(ARGV[3])
local log = P .. ':log:' .. shard
local forgotten = 0
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', log, 'store')) do
  local fields = {}
  for i = 1, #consumer, 2 do
    fields[consumer[i]] = consumer[i + 1]
  end
  if fields['pending'] == 0 and fields['idle'] > long then
    redis.call('XGROUP', 'DELCONSUMER', log, 'store', fields['name'])
    forgotten = forgotten + 1
  end
end
return forgotten
