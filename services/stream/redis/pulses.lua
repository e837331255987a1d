#!lua name=stream_pulses_v1
-- The sentiment buffer of a platform session. Batching rules live in C++; these Functions make sure
-- that a sentiment goes into one pulse only, and that a pulse which was taken out is published
-- under the same id until it is confirmed.
--
-- Keys, all of one slot, documented in buffer_store.h:
--   live     hash: token and claimed_until of the flush under way, due, sealed
--   entries  list of records, oldest first
--   pending  hash: id, payload and since of the pulse that is taken out but not confirmed
--   latest   string: the payload of the last published pulse
-- Times are milliseconds of this server's clock.
--
-- Refusals: ABSENT no such session here, SEALED it is ending, CLAIM the flush was lost to another.

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

-- live entries | most, ttl, record…: how many old records gave way.
local function append(keys, args)
  local sealed = redis.call('HGET', keys[1], 'sealed')
  if not sealed then return redis.error_reply('ABSENT no such session') end
  if sealed == '1' then return redis.error_reply('SEALED the session is ending') end
  push('RPUSH', keys[2], args, 3)
  redis.call('PEXPIRE', keys[2], args[2])
  local over = redis.call('LLEN', keys[2]) - tonumber(args[1])
  if over <= 0 then return 0 end
  redis.call('LTRIM', keys[2], over, -1)
  return over
end

-- live entries pending | token, lease, force: nothing when another flushes or none is due;
-- {'pending', id, payload, age} of a pulse to publish again; {'entries', record…}.
local function claim(keys, args)
  local state = redis.call('HMGET', keys[1], 'sealed', 'token', 'claimed_until', 'due')
  if not state[1] then return redis.error_reply('ABSENT no such session') end
  local now = now_ms()
  if state[2] and state[2] ~= args[1] and tonumber(state[3]) > now then return nil end
  local pending = redis.call('HMGET', keys[3], 'id', 'payload', 'since')
  if not pending[1] and args[3] ~= '1' and state[4] and tonumber(state[4]) > now then return nil end
  redis.call('HSET', keys[1], 'token', args[1], 'claimed_until', now + args[2])
  if pending[1] then return { 'pending', pending[1], pending[2], now - pending[3] } end
  local answer = redis.call('LRANGE', keys[2], 0, -1)
  table.insert(answer, 1, 'entries')
  return answer
end

-- live entries pending | token, taken, interval, entries' ttl, pending's ttl, id, payload, record…:
-- removes the first `taken` records, puts the given ones back in front, and, when there is an id,
-- keeps the pulse. The next flush is due at the next multiple of the interval.
local function settle(keys, args)
  if not holds_claim(keys[1], args[1]) then return redis.error_reply('CLAIM lost') end
  local now, interval = now_ms(), tonumber(args[3])
  redis.call('LTRIM', keys[2], args[2], -1)
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

redis.register_function('pulse_open', open)
redis.register_function('pulse_append', append)
redis.register_function('pulse_claim', claim)
redis.register_function('pulse_settle', settle)
redis.register_function('pulse_confirm', confirm)
redis.register_function('pulse_seal', seal)
redis.register_function('pulse_delete', delete)
