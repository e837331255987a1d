#!lua name=stream_pulses_v1
-- The sentiment buffer of a platform session. Batching rules live in C++; these Functions make sure
-- that a sentiment goes into one pulse only, and that a pulse which was taken out is published
-- under the same id until it is confirmed.
--
-- Keys, all of one slot, documented in buffer_store.h:
--   live     hash: token and claimed_until of the flush under way, due, sealed; owner and
--            owner_until of who reads the session, tracked: how many viewers it tracks, lost: how
--            many records gave way to newer ones since the last claim
--   entries  list of records, oldest first
--   pending  hash: id, payload and since of the pulse that is taken out but not confirmed
--   latest   string: the payload of the last published pulse
--   seen     string: that something was carried out
-- Times are milliseconds of this server's clock.
--
-- Refusals: ABSENT no such session here, SEALED it is ending, CLAIM the flush was lost to another,
-- FOREIGN another instance reads the session, DUPLICATE it was carried out before.

local CHUNK = 1000 -- values in one command; unpack has its limits

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function push(command, key, values, first)
  for from = first, #values, CHUNK do
    redis.call(command, key, unpack(values, from, math.min(from + CHUNK - 1, #values)))
  end
end

local function holds_claim(live, token)
  return redis.call('HGET', live, 'token') == token
end

-- live | ttl: makes the session known; harmless to repeat.
local function open(keys, args)
  redis.call('HSETNX', keys[1], 'sealed', 0)
  redis.call('PEXPIRE', keys[1], args[1])
  return redis.status_reply('OK')
end

-- Makes the caller the one who reads the session for a while, unless another is.
local function own(live, owner, lease)
  local now = now_ms()
  local held = redis.call('HMGET', live, 'owner', 'owner_until')
  if held[1] and held[1] ~= owner and tonumber(held[2]) > now then return false end
  redis.call('HSET', live, 'owner', owner, 'owner_until', now + lease)
  return true
end

-- live | owner, lease: 1 when the caller reads the session, 0 when another does.
local function take_over(keys, args)
  if redis.call('EXISTS', keys[1]) == 0 then return redis.error_reply('ABSENT no such session') end
  return own(keys[1], args[1], args[2]) and 1 or 0
end

-- live entries seen… | owner, lease, tracked, most, ttl, seen's ttl, record…: how many old records
-- gave way. Without an owner the records are nobody's. All of it happens, with its marks, or
-- nothing.
local function append(keys, args)
  local sealed = redis.call('HGET', keys[1], 'sealed')
  if not sealed then return redis.error_reply('ABSENT no such session') end
  if sealed == '1' then return redis.error_reply('SEALED the session is ending') end
  for i = 3, #keys do
    if redis.call('EXISTS', keys[i]) == 1 then return redis.error_reply('DUPLICATE seen') end
  end
  if args[1] ~= '' then
    if not own(keys[1], args[1], args[2]) then return redis.error_reply('FOREIGN owner') end
    redis.call('HSET', keys[1], 'tracked', args[3])
  end
  for i = 3, #keys do redis.call('SET', keys[i], '', 'PX', args[6]) end
  if #args < 7 then return 0 end
  push('RPUSH', keys[2], args, 7)
  redis.call('PEXPIRE', keys[2], args[5])
  local over = redis.call('LLEN', keys[2]) - tonumber(args[4])
  if over <= 0 then return 0 end
  redis.call('LTRIM', keys[2], over, -1)
  redis.call('HINCRBY', keys[1], 'lost', over)
  return over
end

-- live entries pending | token, lease, force: nothing when another flushes or none is due;
-- {'pending', id, payload, age} of a pulse to publish again; {'entries', lost, record…}.
local function claim(keys, args)
  local state = redis.call('HMGET', keys[1], 'sealed', 'token', 'claimed_until', 'due', 'lost')
  if not state[1] then return redis.error_reply('ABSENT no such session') end
  local now = now_ms()
  if state[2] and state[2] ~= args[1] and tonumber(state[3]) > now then return nil end
  local pending = redis.call('HMGET', keys[3], 'id', 'payload', 'since')
  if not pending[1] and args[3] ~= '1' and state[4] and tonumber(state[4]) > now then return nil end
  redis.call('HSET', keys[1], 'token', args[1], 'claimed_until', now + args[2])
  if pending[1] then return { 'pending', pending[1], pending[2], now - pending[3] } end
  redis.call('HDEL', keys[1], 'lost')
  local answer = redis.call('LRANGE', keys[2], 0, -1)
  table.insert(answer, 1, 'entries')
  table.insert(answer, 2, tonumber(state[5] or 0))
  return answer
end

-- live entries pending | token, taken, interval, entries' ttl, pending's ttl, id, payload, record…:
-- removes the first `taken` records, puts the given ones back in front, and, when there is an id,
-- keeps the pulse. The next flush is due at the next multiple of the interval.
local function settle(keys, args)
  if not holds_claim(keys[1], args[1]) then return redis.error_reply('CLAIM lost') end
  local now, interval = now_ms(), tonumber(args[3])
  -- Those that gave way since the claim were of the taken ones first.
  local taken = tonumber(args[2])
  local lost = tonumber(redis.call('HGET', keys[1], 'lost') or 0)
  redis.call('HSET', keys[1], 'lost', math.max(0, lost - taken))
  redis.call('LTRIM', keys[2], math.max(0, taken - lost), -1)
  local held = {}
  for i = #args, 8, -1 do held[#held + 1] = args[i] end
  push('LPUSH', keys[2], held, 1)
  redis.call('PEXPIRE', keys[2], args[4])
  redis.call('HSET', keys[1], 'due', (math.floor(now / interval) + 1) * interval)
  if args[6] == '' then
    redis.call('HDEL', keys[1], 'token', 'claimed_until')
  else
    redis.call('HSET', keys[3], 'id', args[6], 'payload', args[7], 'since', now)
    redis.call('PEXPIRE', keys[3], args[5])
  end
  return redis.status_reply('OK')
end

-- live pending latest | token, id, published, ttl: 1 when this call ended the pulse.
local function confirm(keys, args)
  if redis.call('HGET', keys[2], 'id') ~= args[2] then return 0 end
  if args[3] == '1' then
    redis.call('SET', keys[3], redis.call('HGET', keys[2], 'payload'), 'PX', args[4])
  end
  redis.call('DEL', keys[2])
  if holds_claim(keys[1], args[1]) then redis.call('HDEL', keys[1], 'token', 'claimed_until') end
  return 1
end

-- live: appends are refused from now on.
local function seal(keys)
  if redis.call('EXISTS', keys[1]) == 0 then return redis.error_reply('ABSENT no such session') end
  redis.call('HSET', keys[1], 'sealed', 1)
  return redis.status_reply('OK')
end

-- live entries pending latest | ttl: the session is over. Its seal stays for a while, so that a
-- late append is told so and does not begin the session anew.
local function delete(keys, args)
  redis.call('DEL', unpack(keys))
  redis.call('HSET', keys[1], 'sealed', 1)
  redis.call('PEXPIRE', keys[1], args[1])
  return redis.status_reply('OK')
end

redis.register_function('stream_pulses_v1_open', open)
redis.register_function('stream_pulses_v1_take_over', take_over)
redis.register_function('stream_pulses_v1_append', append)
redis.register_function('stream_pulses_v1_claim', claim)
redis.register_function('stream_pulses_v1_settle', settle)
redis.register_function('stream_pulses_v1_confirm', confirm)
redis.register_function('stream_pulses_v1_seal', seal)
redis.register_function('stream_pulses_v1_delete', delete)
