-- A number for a ban, unique on all servers. ARGV: prefix, the highest known.
local P = ARGV[1]
local key = P .. ':ban-number'
-- A Redis whose memory is full lets a script write only after it has freed
-- something. What follows is small, and a ban may be what helps.
redis.call('DEL', P .. ':nothing')
local number = math.max(tonumber(redis.call('GET', key) or '0'), tonumber(ARGV[2])) + 1
local text = string.format('%.0f', number)
redis.call('SET', key, text)
return text
