#!lua name=audience_v1
-- Who sits in which audience. A pool shard's bitmap says which members are taken, and each session
-- holds its own members; every Function here changes both in one step, so that the bits set are
-- always exactly the members of all sessions. No rule lives here: callers decide, these carry out.
--
-- Keys (all of one slot) are documented in audience_keys.h, packed forms in party.h. In short, with
-- numbers little-endian and `members` a mask of the 64 members of a run, laid out as in the bitmap:
--   party      20 bytes  run (4), members (8), joining (8, opaque): those who came together
--   demand     23 bytes  run (4), count (2), start (1), members (8), joining (8)
--   leave      12 bytes  position of the party (4), members (8); positions ascend
--   mover      21 bytes  leave (12), number of a destination from 1 on (1), joining there (8)
--   departure   4 bytes  opaque, one for each leave or mover
-- A demand takes up to `count` free members of the run that its mask allows, looking from member
-- `start` on; what it could not take, demands with count 0 right behind it try in their runs.
--
-- Refusals: ABSENT no such session, EXISTS it is there already, SEALED it is ending, NONCE it has
-- changed since it was read, LEADER the caller does not lead the shard any more, ANSWERED this
-- request was carried out before, FULL a list that must not lose anything has no room, CHANGED the
-- caller does not know all sessions, BADARG the arguments do not fit together. A refused call
-- changes nothing.

local PARTY, DEMAND, LEAVE, MOVER, DEPARTURE, JOINING, CELLS = 20, 23, 12, 21, 4, 8, 8
local DEPARTED_LIMIT = 4194304 -- bytes, some 175 000 departed parties a session
local ANSWERS_LIMIT = 1024     -- answers kept a session
local LOG_LIMIT = '10000'      -- commands kept a shard, or a few more
local LOOK_BYTES = 512         -- of a bitmap for each demand, up to which it is looked at whole

-- All set by the first call: while a library loads it sees neither `string` nor `bit`, and a global
-- costs a guarded look-up each time.
local byte, char, sub, concat, format, floor, min, max, band, bor, call
local COUNT -- a byte -> how many of its bits are set
local BIT   -- a place in a byte, from the top as Redis counts -> the bit there

local function prepare()
  byte, char, sub, concat = string.byte, string.char, string.sub, table.concat
  format = string.format
  floor, min, max = math.floor, math.min, math.max
  band, bor, call = bit.band, bit.bor, redis.call
  COUNT, BIT = { [0] = 0 }, { [0] = 128, 64, 32, 16, 8, 4, 2, 1 }
  for value = 1, 255 do
    COUNT[value] = COUNT[floor(value / 2)] + value % 2
  end
end

local function refuse(code, text)
  return redis.error_reply(code .. ' ' .. text)
end

local function number_at(text, at)
  local b0, b1, b2, b3 = byte(text, at, at + 3)
  return b0 + b1 * 256 + b2 * 65536 + b3 * 16777216
end

-- What is to be looked at and changed of a bitmap in one call: `runs` of it, or fewer. Redis writes
-- a number into a command as a fraction of 17 digits, which is the dearest part of a look; so many
-- looks become one at the whole bitmap, and numbers go as text.
local function open_bitmap(taken, runs)
  local whole
  if runs * LOOK_BYTES > call('STRLEN', taken) then
    whole = call('GET', taken) or ''
  end
  return { key = taken, whole = whole, runs = {} }
end

local function read_run(bitmap, run)
  local cells = bitmap.runs[run]
  if cells then
    return cells
  end
  local at = run * CELLS
  if bitmap.whole then
    cells = { byte(bitmap.whole, at + 1, at + CELLS) }
  else
    cells = { byte(call('GETRANGE', bitmap.key, format('%d', at), format('%d', at + CELLS - 1)), 1,
      CELLS) }
  end
  for i = #cells + 1, CELLS do
    cells[i] = 0
  end
  bitmap.runs[run] = cells
  return cells
end

local function write_run(taken, run, cells)
  call('SETRANGE', taken, format('%d', run * CELLS), char(unpack(cells)))
end

-- `want` of the bits of `free`, which has more, looking from place `start` on.
local function some_bits(free, start, want)
  local chosen, got = 0, 0
  for i = start, start + 7 do
    local one = BIT[i % 8]
    if band(free, one) ~= 0 then
      chosen, got = chosen + one, got + 1
      if got == want then
        break
      end
    end
  end
  return chosen, got
end

-- Takes up to `want` members by the demand at `at`. Returns their party and their number.
local function take_run(bitmap, demands, at, want)
  local run, start = number_at(demands, at), byte(demands, at + 6)
  local cells, mask = read_run(bitmap, run), { byte(demands, at + 7, at + 14) }
  local gained, got = { 0, 0, 0, 0, 0, 0, 0, 0 }, 0
  local first = floor(start / 8)
  for i = first, first + CELLS - 1 do
    local cell = i % CELLS + 1
    local free = 255 - cells[cell]
    if mask[cell] < 255 then
      free = band(mask[cell], free)
    end
    local count = COUNT[free]
    if count > want - got then
      free, count = some_bits(free, start % 8, want - got)
    end
    gained[cell], cells[cell], got = free, cells[cell] + free, got + count
    if got == want then
      break
    end
  end
  if got == 0 then
    return '', 0
  end
  write_run(bitmap.key, run, cells)
  return sub(demands, at, at + 3) .. char(unpack(gained)) .. sub(demands, at + 15, at + 22), got
end

-- Takes what the demands ask for, at most `room` members. Returns the new parties and how many
-- members they have.
local function take(taken, demands, room)
  if demands == '' then
    return '', 0
  end
  local parties, short, all = {}, 0, 0
  local bitmap = open_bitmap(taken, #demands / DEMAND)
  for at = 1, #demands, DEMAND do
    local low, high = byte(demands, at + 4, at + 5)
    if low + high > 0 then
      short = low + high * 256
    end
    local want = min(short, room - all)
    if want > 0 then
      local party, got = take_run(bitmap, demands, at, want)
      parties[#parties + 1] = party
      short, all = short - got, all + got
    end
  end
  return concat(parties), all
end

-- Adds the members of the parties to `runs`, a table of run -> cells.
local function add_runs(runs, parties)
  for at = 1, #parties, PARTY do
    local run = number_at(parties, at)
    local cells = runs[run] or { 0, 0, 0, 0, 0, 0, 0, 0 }
    for i = 1, CELLS do
      cells[i] = bor(cells[i], byte(parties, at + 3 + i))
    end
    runs[run] = cells
  end
  return runs
end

local function give_back(taken, parties)
  local bitmap = open_bitmap(taken, #parties / PARTY)
  for run, gone in pairs(add_runs({}, parties)) do
    local cells = read_run(bitmap, run)
    for i = 1, CELLS do
      cells[i] = band(cells[i], 255 - gone[i])
    end
    write_run(taken, run, cells)
  end
end

-- Takes the members that one leave names out of a party. Returns those who stay, '' for nobody,
-- those who leave and their number; nil when a named one is not there.
local function part(party, leave)
  local stay, number, left = { byte(party, 5, 12) }, 0, false
  for i = 1, CELLS do
    local gone = byte(leave, 4 + i)
    if band(stay[i], gone) ~= gone then
      return nil
    end
    stay[i], number = stay[i] - gone, number + COUNT[gone]
    left = left or stay[i] > 0
  end
  local run, joining = sub(party, 1, 4), sub(party, 13)
  local rest = left and run .. char(unpack(stay)) .. joining or ''
  return rest, run .. sub(leave, 5) .. joining, number
end

-- Takes those out of the parties whom the records name, each of which begins with a leave. Returns
-- the parties that stay, a list of the parties that leave and a list of how many members these
-- have; nil when a record does not fit.
local function split(parties, records, size)
  local stay, gone, numbers, from = {}, {}, {}, 1
  if #records % size ~= 0 then
    return nil
  end
  for at = 1, #records, size do
    local position = number_at(records, at) * PARTY + 1
    if position < from or position > #parties then
      return nil
    end
    local rest, leave, number = part(sub(parties, position, position + PARTY - 1),
      sub(records, at, at + LEAVE - 1))
    if not rest then
      return nil
    end
    stay[#stay + 1] = sub(parties, from, position - 1) .. rest
    gone[#gone + 1], numbers[#numbers + 1] = leave, number
    from = position + PARTY
  end
  stay[#stay + 1] = sub(parties, from)
  return concat(stay), gone, numbers
end

local function sum(numbers)
  local all = 0
  for _, number in ipairs(numbers) do
    all = all + number
  end
  return all
end

-- Keeps the leavers for the end of the session; those beyond the limit are only counted.
local function remember(session, departed, gone, departures)
  local room = floor((DEPARTED_LIMIT - call('STRLEN', departed)) / (PARTY + DEPARTURE))
  local records = {}
  for i = 1, min(#gone, room) do
    records[i] = gone[i] .. sub(departures, (i - 1) * DEPARTURE + 1, i * DEPARTURE)
  end
  if #records > 0 then
    call('APPEND', departed, concat(records))
  end
  if #gone > #records then
    call('HINCRBY', session, 'departed_dropped', #gone - #records)
  end
end

-- The number of members of a session that may be changed by one who knows its nonce; nil and the
-- refusal otherwise.
local function count_of(session, nonce)
  local found = call('HMGET', session, 'nonce', 'sealed', 'count')
  if not found[1] then
    return nil, refuse('ABSENT', 'no such session')
  elseif found[2] then
    return nil, refuse('SEALED', 'the session is ending')
  elseif found[1] ~= nonce then
    return nil, refuse('NONCE', 'the session has changed')
  end
  return tonumber(found[3])
end

-- Likewise its parties and their number of members.
local function members_of(session, nonce)
  local count, refusal = count_of(session, nonce)
  if not count then
    return nil, refusal
  end
  return call('HGET', session, 'members'), count
end

-- Gives a session its new nonce, `joined`, which are the parties that this change brought, its
-- owner's fields, and its members unless `parties` is nil. `joined` is kept apart as well: what
-- else a session has, its owner can count before the change, so that nobody needs all members to
-- know how many they are. One command, as each costs more than its fields.
local function set_session(session, nonce, joined, fields, parties, count)
  local words = { 'nonce', nonce, 'joined', joined, unpack(fields) }
  if parties then
    local n = #words
    words[n + 1], words[n + 2], words[n + 3], words[n + 4] = 'members', parties, 'count', count
  end
  call('HSET', session, unpack(words))
end

local function log(key, id, command)
  call('XADD', key, 'MAXLEN', '~', LOG_LIMIT, '*', 'session', id, 'command', command)
end

-- The number of fields at args[at] and their name-value pairs behind it. Returns the pairs and the
-- position behind them.
local function fields_of(args, at)
  local last = at + tonumber(args[at]) * 2
  return { unpack(args, at + 1, last) }, last + 1
end

-- What may follow a Function's own arguments, from args[at] on: a number of fields and their
-- name-value pairs for the session; a request id ('' = none) and its answer; the position of the
-- shard's rounds in keys (0 = anybody may) and who must lead them; the position of the shard's log
-- in keys (0 = not logged), the session's id and the command; then pushes, three arguments each:
-- the position of a list in keys, its limit (negative: refuse when full, else drop and count), the
-- value.
local function extras_of(args, at)
  local extras = { pushes = {} }
  extras.fields, at = fields_of(args, at)
  extras.request, extras.answer = args[at], args[at + 1]
  extras.rounds, extras.leader = tonumber(args[at + 2]), args[at + 3]
  extras.log, extras.id, extras.command = tonumber(args[at + 4]), args[at + 5], args[at + 6]
  for i = at + 7, #args, 3 do
    local list, limit = tonumber(args[i]), tonumber(args[i + 1])
    table.insert(extras.pushes, { list = list, limit = limit, value = args[i + 2] })
  end
  return extras
end

-- The refusal of what `store` could not do, or nil.
local function check(keys, answers, extras)
  if extras.rounds > 0 and call('HGET', keys[extras.rounds], 'leader') ~= extras.leader then
    return refuse('LEADER', 'somebody else leads the rounds')
  end
  if extras.request ~= '' and call('HEXISTS', answers, extras.request) == 1 then
    return refuse('ANSWERED', 'this request was carried out before')
  end
  local lengths = {}
  for _, push in ipairs(extras.pushes) do
    local list = keys[push.list]
    lengths[list] = (lengths[list] or call('LLEN', list)) + 1
    if push.limit < 0 and lengths[list] > -push.limit then
      return refuse('FULL', 'a list that must not lose anything is full')
    end
  end
end

local function store(keys, session, answers, extras)
  if extras.log > 0 then
    log(keys[extras.log], extras.id, extras.command)
  end
  if extras.request ~= '' then
    -- A ring of request ids in fields '#0', '#1', …: the newest takes the place of the oldest.
    local slot = '#' .. call('HINCRBY', session, 'answered', 1) % ANSWERS_LIMIT
    local oldest = call('HGET', answers, slot)
    if oldest then
      call('HDEL', answers, oldest)
    end
    call('HSET', answers, slot, extras.request, extras.request, extras.answer)
  end
  for _, push in ipairs(extras.pushes) do
    local list = keys[push.list]
    if push.limit < 0 or call('LLEN', list) < push.limit then
      call('RPUSH', list, push.value)
    else
      call('HINCRBY', session, 'news_dropped', 1)
    end
  end
end

-- open: begins a session with its first audience.
-- keys: session, taken, sessions, followers, log; args: session id, nonce, demands, capacity,
-- followers (opaque, '' = none), fields. Returns the parties that it took.
local function open(keys, args)
  local session, taken, sessions, followers = keys[1], keys[2], keys[3], keys[4]
  if #args[3] % DEMAND ~= 0 then
    return refuse('BADARG', 'demands')
  elseif call('EXISTS', session) == 1 then
    return refuse('EXISTS', 'the session is open')
  end
  local parties, count = take(taken, args[3], tonumber(args[4]))
  set_session(session, args[2], parties, (fields_of(args, 6)), parties, count)
  if args[5] ~= '' then
    call('SET', followers, args[5])
  end
  call('SADD', sessions, args[1])
  log(keys[5], args[1], 'open')
  return parties
end

-- apply: one change of one session: some leave, some come, fields are set, news is told.
-- keys: session, taken, departed, answers, those of the extras…; args: expected nonce, new nonce,
-- leaves, departures, demands, capacity, extras. Returns the parties of the newcomers, which are
-- also kept behind the answer: only here are they known in the same step.
local function apply(keys, args)
  local session, taken, departed, answers = keys[1], keys[2], keys[3], keys[4]
  local count, refused = count_of(session, args[1])
  if not count then
    return refused
  end
  local stay, gone, numbers = nil, {}, {}
  if args[3] ~= '' then
    stay, gone, numbers = split(call('HGET', session, 'members'), args[3], LEAVE)
  end
  if not gone or #args[4] ~= #gone * DEPARTURE or #args[5] % DEMAND ~= 0 then
    return refuse('BADARG', 'leaves, departures or demands')
  end
  local extras = extras_of(args, 7)
  local refusal = check(keys, answers, extras)
  if refusal then
    return refusal
  end
  local left = sum(numbers)
  -- Newcomers first: nobody leaves and returns in one breath.
  local joined, came = take(taken, args[5], max(0, tonumber(args[6]) - count + left))
  if #gone > 0 then
    give_back(taken, concat(gone))
    remember(session, departed, gone, args[4])
  end
  local after
  if #gone > 0 or came > 0 then
    after = (stay or call('HGET', session, 'members')) .. joined
  end
  set_session(session, args[2], joined, extras.fields, after, count - left + came)
  extras.answer = extras.answer .. joined
  store(keys, session, answers, extras)
  return joined
end

-- The sessions to which members go: args[at] is their number n, their keys follow the first three,
-- and each has an expected nonce, a new nonce and fields. Returns them and the position behind
-- their arguments; nil and the refusal when one cannot be changed.
local function destinations_of(keys, args, at)
  local destinations, seen = {}, { [keys[1]] = true }
  local number = tonumber(args[at])
  at = at + 1
  for i = 1, number do
    local key = keys[3 + i]
    if seen[key] then
      return nil, refuse('BADARG', 'a session is named twice')
    end
    seen[key] = true
    local parties, count = members_of(key, args[at])
    if not parties then
      return nil, count
    end
    local to = { key = key, nonce = args[at + 1], parties = { parties }, count = count }
    to.fields, at = fields_of(args, at + 2)
    destinations[i] = to
  end
  return destinations, at
end

-- Adds the parties that leave to those of their destinations. Returns them as they are there; nil
-- when a mover names no destination.
local function arrive(destinations, movers, gone, numbers)
  local moved = {}
  for i, party in ipairs(gone) do
    local at = (i - 1) * MOVER + LEAVE + 1
    local to = destinations[byte(movers, at)]
    if not to then
      return nil
    end
    moved[i] = sub(party, 1, PARTY - JOINING) .. sub(movers, at + 1, at + JOINING)
    to.parties[#to.parties + 1] = moved[i]
    to.count = to.count + numbers[i]
  end
  return concat(moved)
end

-- move: members go from one session to others of the same shard, and stay taken.
-- keys: from, departed of from, answers of from, the destinations, those of the extras…; args:
-- from's expected and new nonce, destinations, movers, departures, extras of from.
-- The caller, who knows all sessions by their nonces, keeps to the capacities. Returns the parties
-- as they are in their destinations, in the order of the movers.
local function move(keys, args)
  local from, departed, answers = keys[1], keys[2], keys[3]
  local parties, count = members_of(from, args[1])
  if not parties then
    return count
  end
  local destinations, at = destinations_of(keys, args, 3)
  if not destinations then
    return at
  end
  local movers, departures = args[at], args[at + 1]
  local stay, gone, numbers = split(parties, movers, MOVER)
  local moved = stay and arrive(destinations, movers, gone, numbers)
  if not moved or #departures ~= #gone * DEPARTURE then
    return refuse('BADARG', 'movers or departures')
  end
  local extras = extras_of(args, at + 2)
  local refusal = check(keys, answers, extras)
  if refusal then
    return refusal
  end
  remember(from, departed, gone, departures)
  set_session(from, args[2], '', extras.fields, stay, count - sum(numbers))
  for _, to in ipairs(destinations) do
    set_session(to.key, to.nonce, '', to.fields, concat(to.parties), to.count)
  end
  store(keys, from, answers, extras)
  return moved
end

-- seal: nothing changes a session any more. May be repeated.
-- keys: session, departed. Returns all fields of the session, then its departed parties.
local function seal(keys)
  if call('EXISTS', keys[1]) == 0 then
    return refuse('ABSENT', 'no such session')
  end
  call('HSET', keys[1], 'sealed', '1')
  return { call('HGETALL', keys[1]), call('GET', keys[2]) or '' }
end

-- release: the session is over and its members are free. May be repeated.
-- keys: session, taken, sessions, departed, answers, followers, log; args: session id. Returns how
-- many it freed.
local function release(keys, args)
  local found = call('HMGET', keys[1], 'members', 'count')
  if found[1] then
    give_back(keys[2], found[1])
    log(keys[7], args[1], 'release')
  end
  call('DEL', keys[1], keys[4], keys[5], keys[6])
  call('SREM', keys[3], args[1])
  return tonumber(found[2] or 0)
end

-- audit: the bits become exactly the members of all sessions.
-- keys: taken, sessions, then the session of each argument; args: the ids of all sessions. They are
-- named, so that a cluster that is just moving their slot refuses this instead of taking those that
-- are elsewhere for gone. Returns the number of bits before and after, and of members: the last two
-- differ if one sits twice. CHANGED when they are not all sessions any more.
local function audit(keys, args)
  local taken, sessions = keys[1], keys[2]
  if call('SCARD', sessions) ~= #args then
    return refuse('CHANGED', 'other sessions')
  end
  for _, id in ipairs(args) do
    if call('SISMEMBER', sessions, id) == 0 then
      return refuse('CHANGED', 'other sessions')
    end
  end
  local runs, members = {}, 0
  for i, id in ipairs(args) do
    local found = call('HMGET', keys[i + 2], 'members', 'count')
    if found[1] then
      add_runs(runs, found[1])
      members = members + tonumber(found[2])
    else
      call('SREM', sessions, id)
    end
  end
  local before = call('BITCOUNT', taken)
  call('DEL', taken)
  for run, cells in pairs(runs) do
    write_run(taken, run, cells)
  end
  return { before, call('BITCOUNT', taken), members }
end

local function register(name, body)
  redis.register_function('audience_v1_' .. name, function(keys, args)
    if not COUNT then
      prepare()
    end
    return body(keys, args)
  end)
end

register('open', open)
register('apply', apply)
register('move', move)
register('seal', seal)
register('release', release)
register('audit', audit)
