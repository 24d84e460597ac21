-- What the other scripts begin with.

-- Whether the nodes of a chat hear only what their own people need: the key then says so after the
-- number of shards, which a node of an earlier release refuses.
local function is_by_interest(P)
  return string.find(redis.call('GET', P .. ':shards') or '', ' interest', 1, true) ~= nil
end

-- The last entry of the news, or of another stream, even if it was removed.
local function last_entry(P, stream, short)
  local entry = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  return entry and entry[1] or redis.call('HGET', P .. ':trimmed', short) or '0-0'
end

-- Adds to the news of a chat. A `message` is the id of an entry of a log which all nodes have to
-- know.
local function tell_all(P, by_interest, node, notice, message)
  local news = P .. ':news'
  local before = by_interest and last_entry(P, news, 'news')
  local id
  if message then
    id = redis.call('XADD', news, '*', 'n', node, 'i', message, 'e', notice)
  else
    id = redis.call('XADD', news, '*', 'n', node, 'e', notice)
  end
  if by_interest then
    local head = table.concat({ id, before, message or '-', node, notice }, ' ')
    redis.call('PUBLISH', P .. ':t:news', head)
  end
  return id
end
