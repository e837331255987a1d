#!lua name=rounds_v1
-- Who leads the rounds of a shard, and which round it is. Times are those of this server: the
-- clocks of the instances need not agree.

-- lead: takes or keeps the lead, and begins the next round when it is due. Round numbers count
-- ordinary intervals, so that a round that is as long as five takes five numbers.
-- keys: the shard's rounds; args: who asks, how long the lead lasts and how long a round lasts (in
-- ms), one more than the highest round, how many ordinary intervals the round lasts. Returns the
-- round (0 = somebody else leads), the milliseconds until the next one is due, or until the other's
-- lead ends, by how many the round began late if it began now (else -1), and the round before it.
local function lead(keys, args)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local found = redis.call('HMGET', keys[1], 'leader', 'until', 'round', 'due', 'intervals',
    'before')
  local leader, lasts, round, due = found[1], tonumber(found[2] or 0), tonumber(found[3] or 0),
    tonumber(found[4] or 0)
  local intervals, before = tonumber(found[5] or 1), tonumber(found[6] or 0)
  if leader and leader ~= args[1] and lasts > now then
    return { 0, lasts - now, -1, 0 }
  end
  local late = -1
  if now >= due then
    late = due > 0 and now - due or 0
    before, round = round, (round - 1 + intervals) % (tonumber(args[4]) - 1) + 1
    due, intervals = now + tonumber(args[3]), tonumber(args[5])
  end
  redis.call('HSET', keys[1], 'leader', args[1], 'until', now + tonumber(args[2]), 'round', round,
    'due', due, 'intervals', intervals, 'before', before)
  return { round, due - now, late, before }
end

-- renew: keeps the lead without beginning a round.
-- keys: the shard's rounds; args: who asks, how long the lead lasts (in ms).
local function renew(keys, args)
  if redis.call('HGET', keys[1], 'leader') ~= args[1] then
    return redis.error_reply('LEADER somebody else leads the rounds')
  end
  local time = redis.call('TIME')
  redis.call('HSET', keys[1], 'until', time[1] * 1000 + math.floor(time[2] / 1000) + args[2])
  return 'OK'
end

-- yield: gives the lead up, if it is the caller's.
-- keys: the shard's rounds; args: who asks.
local function yield(keys, args)
  if redis.call('HGET', keys[1], 'leader') == args[1] then
    redis.call('HDEL', keys[1], 'leader')
  end
  return 'OK'
end

redis.register_function('rounds_v1_lead', lead)
redis.register_function('rounds_v1_renew', renew)
redis.register_function('rounds_v1_yield', yield)
