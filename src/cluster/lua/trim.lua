-- Removes old entries from a stream; from a log only those that are in the store. ARGV: prefix,
-- short name of the stream, and the age in ms at which entries are old, if that is to be sooner
-- than usual. Answers how many were removed.
--
-- Removing comes before writing: a Redis whose memory is full lets a script write only after it has
-- freed something.
local P, short, age = ARGV[1], ARGV[2], tonumber(ARGV[3])
local floor = tonumber(redis.call('HGET', P .. ':clock', 'floor') or '0')
if age then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  floor = math.max(floor, now - age)
end
if floor == 0 then
  return 0
end
local first = { floor, 0 }
local function keep_from(id, beyond)
  local ms, sequence = string.match(id, '(%d+)-(%d+)')
  ms, sequence = tonumber(ms), tonumber(sequence) + beyond
  if ms < first[1] or (ms == first[1] and sequence < first[2]) then
    first = { ms, sequence }
  end
end
local stream = P .. ':' .. short
if short ~= 'news' then
  stream = P .. ':log:' .. short
  local pending = redis.call('XPENDING', stream, 'store')
  if pending[1] > 0 then
    keep_from(pending[2], 0)
  else
    for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
      local fields = {}
      for i = 1, #group, 2 do
        fields[group[i]] = group[i + 1]
      end
      if fields['name'] == 'store' then
        keep_from(fields['last-delivered-id'], 1)
      end
    end
  end
end
local first = string.format('%.0f-%.0f', first[1], first[2])
local last = redis.call('XREVRANGE', stream, '(' .. first, '-', 'COUNT', 1)[1]
if not last then
  return 0
end
local removed = redis.call('XTRIM', stream, 'MINID', first)
-- A node that has not read this far has missed something.
redis.call('HSET', P .. ':trimmed', short, last[1])
return removed
