-- Takes a node out. ARGV: prefix, node.
local P, node = ARGV[1], ARGV[2]
if redis.call('HDEL', P .. ':nodes', node) == 0 then
  return 0
end
redis.call('HDEL', P .. ':beats', node)
redis.call('SADD', P .. ':dead', node)
tell_all(P, is_by_interest(P), node, '{"v":1,"d":"Gone"}')
return 1
