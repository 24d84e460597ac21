-- The bans in force. ARGV: prefix, whether to store a first set (1) if there have never been any,
-- then that set, each ban as target and ban. Answers "known" and each of them, or "none". The first
-- set is stored in one step, so that no server finds a part of it.
local P, begins = ARGV[1], ARGV[2] == '1'
local bans = P .. ':bans'
-- A Redis whose memory is full lets a script write only after it has freed
-- something. What follows is small, and a node that joins needs it.
redis.call('DEL', P .. ':nothing')
if redis.call('EXISTS', bans) == 0 then
  if not begins then
    return { 'none' }
  end
  for i = 3, #ARGV, 2 do
    redis.call('HSET', bans, ARGV[i], ARGV[i + 1])
  end
end
-- A hash without fields is no hash: the bans of a data folder would then be in force.
redis.call('HSET', bans, '', '')
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local answer = { 'known' }
local all = redis.call('HGETALL', bans)
for i = 1, #all, 2 do
  local target, ban = all[i], all[i + 1]
  local is_read, read = pcall(cjson.decode, ban)
  local expires = is_read and type(read) == 'table' and type(read.d) == 'table' and read.d.expires
  if type(expires) == 'number' and expires <= now then
    redis.call('HDEL', bans, target)
  elseif target ~= '' then
    answer[#answer + 1] = ban
  end
end
return answer
