-- The last position of channels and people. ARGV: prefix, then the topics. Answers the position and
-- the id of its entry for each; both empty where nothing is kept.
local P, answer = ARGV[1], {}
for at = 2, #ARGV do
  local last = redis.call('LINDEX', P .. ':recent:' .. ARGV[at], -1) or ''
  local position, id = string.match(last, '^(%S+) %S+ (%S+)$')
  answer[#answer + 1] = position or ''
  answer[#answer + 1] = id or ''
end
return answer
