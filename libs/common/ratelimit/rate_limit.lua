#!lua name=rate_limit_v1
-- A token bucket for each account, shared by all instances. It is kept as one number, the time at
-- which the bucket will be full again, in microseconds of this server's clock (the generic cell
-- rate algorithm, ITU-T I.371). A bucket that is full needs no key.

-- KEYS: the bucket. ARGS: microseconds that one token takes to come, tokens in a full bucket,
-- tokens wanted. Answers the tokens granted and, for none, the microseconds until there is one.
local function take(keys, args)
  local interval, burst, wanted = tonumber(args[1]), tonumber(args[2]), tonumber(args[3])
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  local full_at = math.max(now, tonumber(redis.call('GET', keys[1]) or 0))
  local there = math.floor(burst - (full_at - now) / interval)
  if there < 1 then
    return {0, full_at - now - (burst - 1) * interval}
  end
  local granted = math.min(wanted, there)
  full_at = full_at + granted * interval
  local life_ms = math.ceil((full_at - now) / 1000)
  redis.call('SET', keys[1], string.format('%.0f', full_at), 'PX', life_ms)
  return {granted, 0}
end

redis.register_function('rate_limit_v1_take', take)
