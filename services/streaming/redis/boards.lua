#!lua name=boards_v1
-- A game's leaderboards: four sorted sets with the same members, and how far the record has been
-- read into them.

-- put: writes rows and moves on, if nobody else has moved on since the caller looked.
-- keys: the marker, the boards; args: the marker's position as the caller knows it ('' = none),
-- the position from now on, since when the boards are being built ('' = they are complete),
-- whether to begin anew (1), how long new boards live (in ms), then for each row, at most 3 000,
-- its member and its score on each board. Returns 1, or 0 when somebody else was faster.
local function put(keys, args)
  if (redis.call('HGET', keys[1], 'position') or '') ~= args[1] then
    return 0
  end
  local anew = args[4] == '1'
  if anew then
    redis.call('UNLINK', unpack(keys))
  end
  redis.call('HSET', keys[1], 'position', args[2], 'since', args[3])
  if anew then
    redis.call('PEXPIRE', keys[1], args[5])
  end
  local boards = #keys - 1
  for board = 1, boards do
    local scores = {}
    for at = 6, #args, boards + 1 do
      scores[#scores + 1] = args[at + board]
      scores[#scores + 1] = args[at]
    end
    if #scores > 0 then
      redis.call('ZADD', keys[board + 1], unpack(scores))
    end
  end
  -- They outlast the marker, so that none is missing while it is there.
  local left = redis.call('PTTL', keys[1])
  for board = 1, boards do
    redis.call('PEXPIRE', keys[board + 1], left + 60000)
  end
  return 1
end

redis.register_function('boards_v1_put', put)
