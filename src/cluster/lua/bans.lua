-- The bans in force. ARGV: prefix, whether to take charge of them (1) if there
-- never were any. Answers "known" and each of them, or "none".
local P, takes_charge = ARGV[1], ARGV[2] == '1'
local bans = P .. ':bans'
if redis.call('EXISTS', bans) == 0 then
  if takes_charge then
    -- Whoever asks next has to wait for the news of them.
    redis.call('HSET', bans, '', '')
  end
  return { 'none' }
end
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
-- A hash without fields is no hash.
redis.call('HSET', bans, '', '')
return answer
