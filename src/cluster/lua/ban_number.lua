-- A number for a ban that no other has. ARGV: prefix, the highest known.
local key = ARGV[1] .. ':ban-number'
local number = math.max(tonumber(redis.call('GET', key) or '0'), tonumber(ARGV[2])) + 1
local text = string.format('%.0f', number)
redis.call('SET', key, text)
return text
