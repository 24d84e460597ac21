-- Counts a guess at a password for all servers; or records a right one; or, after a change of the
-- password, forgets the addresses from which the account was logged in to.
--
-- ARGV: prefix, address, key of the username or '', then either how many guesses a minute an
-- address may make and how many may be made at an account (0 is no limit), or 'right', or 'forget'.
-- Answers how many milliseconds to wait; 0 if the guess counts. Every key expires by itself.
local P, address, account = ARGV[1], ARGV[2], ARGV[3]
local KNOWN_MS, MOST_KNOWN = 30 * 86400000, 32
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = P .. ':known:' .. account

if ARGV[4] == 'right' then
  redis.call('ZADD', known, now, address)
  redis.call('ZREMRANGEBYRANK', known, 0, -MOST_KNOWN - 1)
  redis.call('PEXPIRE', known, KNOWN_MS)
  return 0
end

if ARGV[4] == 'forget' then
  redis.call('DEL', known)
  return 0
end

local per_address, per_account = tonumber(ARGV[4]), tonumber(ARGV[5])
-- What is counted, and the limit a minute.
local counted = {}
local is_known = false
if account ~= '' then
  local since = redis.call('ZSCORE', known, address)
  is_known = since and now - tonumber(since) < KNOWN_MS
  local here = address .. '@' .. account
  if is_known then
    counted[#counted + 1] = { P .. ':guess:known:' .. here, per_account }
  else
    counted[#counted + 1] = { P .. ':guess:' .. here, per_address }
    counted[#counted + 1] = { P .. ':guess:@' .. account, per_account }
  end
end
if not is_known then
  counted[#counted + 1] = { P .. ':guess:' .. address, per_address }
end

-- Each key holds the time at which it will have all its guesses again.
local wait, next_times = 0, {}
for i, one in ipairs(counted) do
  if one[2] > 0 then
    local pause = 60000 / one[2]
    local full_at = math.max(tonumber(redis.call('GET', one[1]) or '0'), now)
    next_times[i] = full_at + pause
    wait = math.max(wait, math.ceil(next_times[i] - now - 60000))
  end
end
if wait > 0 then
  return wait
end
for i, one in ipairs(counted) do
  if next_times[i] then
    -- Written without an exponent, which a large number would get.
    local full_at = string.format('%.3f', next_times[i])
    redis.call('SET', one[1], full_at, 'PX', math.ceil(next_times[i] - now) + 1)
  end
end
return 0
