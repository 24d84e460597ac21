-- From where on a log may hold entries that are not in the store.
-- ARGV: prefix, shard. Answers the beginning of a range.
local P, shard = ARGV[1], ARGV[2]
local log = P .. ':log:' .. shard
local pending = redis.call('XPENDING', log, 'store')
if pending[1] > 0 then
  return pending[2]
end
for _, group in ipairs(redis.call('XINFO', 'GROUPS', log)) do
  local fields = {}
  for i = 1, #group, 2 do
    fields[group[i]] = group[i + 1]
  end
  if fields['name'] == 'store' then
    return '(' .. fields['last-delivered-id']
  end
end
return '-'
