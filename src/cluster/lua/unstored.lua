-- Where the part of a log begins that may not be in the store, and the newest id given out. ARGV:
-- prefix, shard. Answers the start of a range, and that id.
local P, shard = ARGV[1], ARGV[2]
local log = P .. ':log:' .. shard

local function fields(list)
  local fields = {}
  for i = 1, #list, 2 do
    fields[list[i]] = list[i + 1]
  end
  return fields
end

if redis.call('EXISTS', log) == 0 then
  return { '-', '0-0' }
end
local newest = fields(redis.call('XINFO', 'STREAM', log))['last-generated-id']
-- An error, if the group has been removed.
local pending = redis.pcall('XPENDING', log, 'store')
if not pending.err then
  if pending[1] > 0 then
    return { pending[2], newest }
  end
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', log)) do
    local group = fields(group)
    if group['name'] == 'store' then
      return { '(' .. group['last-delivered-id'], newest }
    end
  end
end
return { '-', newest }
