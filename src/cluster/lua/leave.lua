-- Takes a node out. ARGV: prefix, node.
local P, node = ARGV[1], ARGV[2]
if redis.call('HDEL', P .. ':nodes', node) == 0 then
  return 0
end
redis.call('HDEL', P .. ':beats', node)
redis.call('SADD', P .. ':dead', node)
redis.call('XADD', P .. ':news', '*', 'n', node, 'e', '{"v":1,"d":"Gone"}')
return 1
