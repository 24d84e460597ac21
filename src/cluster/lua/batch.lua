-- Executes one batch of a node's operations, all of it, exactly once.
--
-- ARGV: prefix, node, number of the batch, how many entries of a channel are kept for nodes that
-- have missed some, then the operations, each a letter and its arguments.
-- Answers "<number> <word> <word> ...", a word for each operation; "gone" if the others have given
-- the node up; or "lost" if Redis does not remember the batch before, so that what else it has lost
-- is unknown. The last answer is remembered: a node that has not received it asks again with the
-- same number.
local P, node, number = ARGV[1], ARGV[2], ARGV[3]
local answer = P .. ':answer:' .. node
local known = redis.call('GET', answer)
local last = known and string.match(known, '^%d+') or '0'
if last == number then
  return known
end
local nodes = P .. ':nodes'
if redis.call('HEXISTS', nodes, node) == 0 then
  return 'gone'
end
if tonumber(last) + 1 ~= tonumber(number) then
  return 'lost'
end

-- Sequences have 20 bits, of which 6 are for the shard.
local MAX_SEQUENCE, SHARDS = 16383, 64

local by_interest = is_by_interest(P)
local kept = ARGV[4]

local function tell(notice, message)
  return tell_all(P, by_interest, node, notice, message)
end

-- Publishes an entry to the nodes that follow a channel or person, with its position there and the
-- one before it. The last positions are kept with the ids of their entries, and it is kept which
-- topic had its last one when. (A list of few is ten times smaller than a stream.)
local function publish(topic, id, entry)
  local recent = P .. ':recent:' .. topic
  local before = string.match(redis.call('LINDEX', recent, -1) or '', '^%S+') or '0-0'
  local ms, sequence = string.match(before, '(%d+)-(%d+)')
  local at_ms = string.match(id, '^%d+')
  local at = at_ms .. '-0'
  if tonumber(at_ms) <= tonumber(ms) then
    at = ms .. '-' .. string.format('%.0f', tonumber(sequence) + 1)
  end
  redis.call('RPUSH', recent, table.concat({ at, before, id }, ' '))
  redis.call('LTRIM', recent, '-' .. kept, -1)
  redis.call('ZADD', P .. ':recents:' .. string.match(topic, '^{%d+}'), at_ms, topic)
  redis.call('PUBLISH', P .. ':t:' .. topic, table.concat({ at, before, id, node, entry }, ' '))
end

-- Tags are remembered for ten minutes, but at most `most` of each owner: beyond that, the owner's
-- oldest are dropped. `:tags:` has the message id and the expiry of each tag; `:tagged:` has the
-- tags in the order in which they came.
local REMEMBERED = 600
-- The most tags dropped at once, should the limit have been lowered.
local AT_ONCE = 16
local now = tonumber(redis.call('TIME')[1])

local function known_id(owner, tag)
  local id, till = string.match(redis.call('HGET', P .. ':tags:' .. owner, tag) or '', '^(%S+) (%d+)$')
  return id and tonumber(till) > now and id
end

local function forget_oldest(tags, order)
  local known, tag = string.match(redis.call('LPOP', order) or '', '^(%S+ %d+) (.*)$')
  -- It may belong to another message by now.
  if known and redis.call('HGET', tags, tag) == known then
    redis.call('HDEL', tags, tag)
  end
end

local function is_oldest_over(order)
  local till = string.match(redis.call('LINDEX', order, 0) or '', '^%S+ (%d+)')
  return till and tonumber(till) <= now
end

local function remember(owner, tag, id, most)
  local tags, order = P .. ':tags:' .. owner, P .. ':tagged:' .. owner
  for _ = 1, AT_ONCE do
    if redis.call('LLEN', order) < most and not is_oldest_over(order) then
      break
    end
    forget_oldest(tags, order)
  end
  local known = id .. ' ' .. string.format('%.0f', now + REMEMBERED)
  redis.call('HSET', tags, tag, known)
  redis.call('RPUSH', order, known .. ' ' .. tag)
  redis.call('EXPIRE', tags, REMEMBERED)
  redis.call('EXPIRE', order, REMEMBERED)
end

-- `topics` are those who have to hear of it; '!' are all nodes.
local function append(shard, entry, owner, tag, most, topics)
  if owner ~= '' then
    local id = known_id(owner, tag)
    if id then
      return '=' .. id
    end
  end
  local log = P .. ':log:' .. shard
  local id = redis.call('XADD', log, '*', 'n', node, 'e', entry)
  local ms, sequence = string.match(id, '(%d+)-(%d+)')
  if tonumber(sequence) > MAX_SEQUENCE then
    -- The clock has stepped back far, and this millisecond is full.
    redis.call('XDEL', log, id)
    ms, sequence = string.format('%.0f', tonumber(ms) + 1), '0'
    redis.call('XADD', log, ms .. '-0', 'n', node, 'e', entry)
  end
  id = ms .. '-' .. string.format('%.0f', tonumber(sequence) * SHARDS + tonumber(shard))
  if owner ~= '' then
    remember(owner, tag, id, tonumber(most))
  end
  if by_interest then
    if topics == '!' then
      tell(entry, id)
    else
      for topic in string.gmatch(topics, '%S+') do
        publish(topic, id, entry)
      end
    end
  end
  return id
end

local function roster(notice, key, person)
  local people = P .. ':people:' .. node
  if person == '' then
    redis.call('HDEL', people, key)
  else
    redis.call('HSET', people, key, person)
  end
  if notice ~= '' then
    -- A node that reads this hash learns where to begin following the news.
    redis.call('HSET', people, '', tell(notice))
  end
  return '1'
end

local function is_guest(kind)
  return kind and string.sub(kind, 1, 1) == 'g'
end

-- The pass of a guest, if the kind contains one.
local function pass_of(kind)
  return string.match(kind, '^g:(.+)$')
end

-- The holders of a name: which other live nodes, whether this one does, and for which kind of
-- owner. Names held by dead nodes are free.
local function holders(key)
  local name = P .. ':name:' .. key
  local held = redis.call('HGETALL', name)
  local elsewhere, is_own, was = {}, false, nil
  for i = 1, #held, 2 do
    if held[i] == 'kind' then
      was = held[i + 1]
    elseif held[i] == node then
      is_own = true
    elseif held[i] ~= 'looks' then
      if redis.call('HEXISTS', nodes, held[i]) == 1 then
        elsewhere[#elsewhere + 1] = held[i]
      else
        redis.call('HDEL', name, held[i])
      end
    end
  end
  return elsewhere, is_own, was
end

-- Whether another node holds a name for another owner.
local function is_elsewhere(key, kind)
  local elsewhere, _, was = holders(key)
  return #elsewhere > 0 and not (pass_of(kind) and was == kind)
end

local function hold(key, kind)
  redis.call('HSET', P .. ':name:' .. key, 'kind', kind, node, '1')
  redis.call('SADD', P .. ':names:' .. node, key)
end

local function let_go(key)
  local name = P .. ':name:' .. key
  if redis.call('HDEL', name, node) == 1
    and redis.call('HLEN', name) - redis.call('HEXISTS', name, 'looks') <= 1 then
    redis.call('DEL', name)
  end
  redis.call('SREM', P .. ':names:' .. node, key)
end

-- Takes over the names that other nodes hold for the same pass.
local function take_over(key, kind)
  local elsewhere, _, was = holders(key)
  if was == kind then
    for _, other in ipairs(elsewhere) do
      redis.call('HDEL', P .. ':name:' .. key, other)
      redis.call('SREM', P .. ':names:' .. other, key)
    end
  end
end

-- A guest that has been renamed keeps the new name, on any server, if it shows the same pass.
-- Answers that name's key, and how it is shown.
local function renamed(kind)
  local pass = pass_of(kind)
  local now = pass and redis.call('GET', P .. ':pass:' .. pass)
  local key, shown = string.match(now or '', '^(%S+) (%S+)$')
  if key and redis.call('HGET', P .. ':name:' .. key, 'kind') == kind then
    return key, shown
  end
end

-- A name belongs to its owner on a live node: one guest, or one account on any number of nodes.
-- `looks` are the keys of names that it looks like; a look-alike is held under '?' and that name's
-- key. A guest's name must look like no other. A guest may also take what the same pass holds on
-- another node, which may be dead without being known as dead. `new_name` is empty for a client
-- that wants to come in, '-' for a member that is online under this name, and how the name is shown
-- if it is not the one that the member came with.
local function claim(key, kind, looks, new_name)
  local wants, shown = new_name == '', nil
  if wants then
    local now, as = renamed(kind)
    if now and now ~= key then
      key, shown = now, as
      looks = redis.call('HGET', P .. ':name:' .. key, 'looks') or ''
    end
  end
  local elsewhere, is_own, was = holders(key)
  if #elsewhere > 0 then
    if was ~= kind or (is_guest(kind) and not (wants and pass_of(kind))) then
      return '0'
    end
    shown = shown or is_guest(kind) and '' or nil
  end
  if is_guest(kind) then
    if is_elsewhere('?' .. key, kind) then
      return '0'
    end
    for look in string.gmatch(looks, '%S+') do
      if is_elsewhere(look, kind) or is_elsewhere('?' .. look, kind) then
        return '0'
      end
    end
    if wants and pass_of(kind) then
      take_over(key, kind)
      for look in string.gmatch(looks, '%S+') do
        take_over('?' .. look, kind)
      end
    end
  end
  -- Among guests on one node the first has the name until it is given back: another pass must not
  -- become valid for it meanwhile.
  local is_new = not wants and new_name ~= '-'
  if is_own and is_guest(kind) and is_guest(was) and not is_new then
    kind = was
  end
  hold(key, kind)
  if looks ~= '' then
    redis.call('HSET', P .. ':name:' .. key, 'looks', looks)
    for look in string.gmatch(looks, '%S+') do
      hold('?' .. look, kind)
    end
  end
  if is_new and pass_of(kind) then
    redis.call('SET', P .. ':pass:' .. pass_of(kind), key .. ' ' .. new_name, 'EX', 86400)
  end
  if shown then
    return '=' .. shown
  end
  return '1'
end

local function release(key)
  local looks = redis.call('HGET', P .. ':name:' .. key, 'looks') or ''
  let_go(key)
  for look in string.gmatch(looks, '%S+') do
    let_go('?' .. look)
  end
  return '1'
end

local function ban(notice, target, ban)
  -- This frees nothing, but lets a Redis whose memory is full accept the rest.
  redis.call('HDEL', P .. ':bans', target)
  -- Without any field, the bans of a data folder would be in force.
  redis.call('HSET', P .. ':bans', '', '')
  if ban == '' then
    redis.call('HDEL', P .. ':bans', target)
  else
    redis.call('HSET', P .. ':bans', target, ban)
  end
  tell(notice)
  return '1'
end

local words, at = { number }, 5
while ARGV[at] do
  local what, a, b, c = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local d = ARGV[at + 4]
  if what == 'a' then
    words[#words + 1] = append(a, b, c, d, ARGV[at + 5], ARGV[at + 6])
    at = at + 7
  elseif what == 'w' then
    -- The node's own thread that hears the rest has something to do.
    redis.call('PUBLISH', P .. ':t:node:' .. node, '')
    words[#words + 1] = '1'
    at = at + 1
  elseif what == 't' then
    tell(a)
    words[#words + 1] = '1'
    at = at + 2
  elseif what == 'r' then
    words[#words + 1] = roster(a, b, c)
    at = at + 4
  elseif what == 'c' then
    words[#words + 1] = claim(a, b, c, d)
    at = at + 5
  elseif what == 'f' then
    words[#words + 1] = release(a)
    at = at + 2
  else
    words[#words + 1] = ban(a, b, c)
    at = at + 4
  end
end
local reply = table.concat(words, ' ')
redis.call('SET', answer, reply)
return reply
