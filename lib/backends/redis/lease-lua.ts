/** @module Lua: handing deliveries out, and what their holders do with them short of settling. */
export const leaseLua = `
-- How much that is due or was abandoned one call brings back.
local CHUNK = 200
local SEEN_EVERY_MS = 60000
-- Bodies beyond which one call hands out no more.
local MAX_BYTES = 4 * 1024 * 1024

local function promote(base, q, is_ordered, now)
  for _, delivery in ipairs(redis.call('ZRANGEBYSCORE', q .. ':d', '-inf', now, 'LIMIT', 0, CHUNK)) do
    redis.call('ZREM', q .. ':d', delivery)
    local id, topic = parts(delivery)
    local root, key = descent(base, id)
    local record = record_of(q, delivery)
    local before = delayed_as(topic, record)
    if before ~= 'retrying' then
      count(base, root, before, -1)
      count(base, root, 'waiting', 1)
    end
    ready_again(q, delivery, is_ordered, key)
  end
end

-- Deliveries whose consumer is gone go to another; those that were acknowledged are lost, and told.
local function take_over(base, q, is_ordered, now)
  local lost = {}
  for _, delivery in ipairs(redis.call('ZRANGEBYSCORE', q .. ':l', '-inf', now, 'LIMIT', 0, CHUNK)) do
    local record = record_of(q, delivery)
    if record.ack then
      lost[#lost + 1] = delivery
    else
      local root, key = descent(base, (parts(delivery)))
      record.ret = 1
      give_back(base, q, delivery, record, root, key, 0, now)
    end
  end
  return lost
end

local function take(base, q, delivery, token, till, now)
  local record = record_of(q, delivery)
  if not record.ack then
    local root = descent(base, (parts(delivery)))
    count(base, root, waiting_as(record), -1)
    count(base, root, 'running', 1)
  end
  record.t = token
  record.f = record.f or now
  keep_record(q, delivery, record)
  redis.call('ZADD', q .. ':l', till, delivery)
  return record
end

-- What its holder is given of a delivery.
local function lease_of(base, q, delivery, record)
  local id = parts(delivery)
  local spent = redis.call('HMGET', base .. ':r:' .. descent(base, id), 'usd', 'tokens')
  local faults = record.a > 0 and redis.call('HGET', q .. ':f', delivery)
  local body = redis.call('GET', base .. ':m:' .. id)
  return { delivery, record.t, body, record.a, record.m, record.f, record.ret or 0, record.c or '', spent[1], spent[2], faults, record.ack or 0 }
end

-- The same once more, for a caller whose connection was cut before it had the answer.
local function taken_before(base, q, answered, nonce, till)
  local given = { {}, {} }
  for index, delivery in ipairs(cjson.decode(answered)) do
    local record = record_of(q, delivery)
    if record.t == nonce .. '-' .. index then
      if till then redis.call('ZADD', q .. ':l', till, delivery) end
      local kind = record.ack and 2 or 1
      given[kind][#given[kind] + 1] = lease_of(base, q, delivery, record)
    end
  end
  return given[1], given[2]
end

local function soonest(q, now)
  local due = redis.call('ZRANGE', q .. ':d', 0, 0, 'WITHSCORES')[2]
  local over = redis.call('ZRANGE', q .. ':l', 0, 0, 'WITHSCORES')[2]
  local at = math.min(tonumber(due) or math.huge, tonumber(over) or math.huge)
  return at == math.huge and -1 or math.max(0, at - now)
end

-- Still there: a subscription that nobody takes from for long is given up some day.
local function keep_alive(q, seen, now)
  if not seen or now - seen > SEEN_EVERY_MS then redis.call('HSET', q, 'seen', now) end
end

-- Under a nonce, what it was given can be told again.
local function giver(base, q, nonce, till, now)
  local taken = {}
  local function give(delivery)
    taken[#taken + 1] = delivery
    return lease_of(base, q, delivery, take(base, q, delivery, nonce .. '-' .. #taken, till, now))
  end
  local function keep()
    if #taken > 0 then redis.call('SET', base .. ':n:' .. nonce, cjson.encode(taken), 'PX', NONCE_KEPT_MS) end
  end
  return give, keep
end

-- The first that are ready, up to so many and about so many bytes.
local function give_ready(q, give, max, max_bytes)
  local given, bytes = {}, 0
  local popped = redis.call('ZPOPMIN', q .. ':r', max)
  for index = 1, #popped, 2 do
    if bytes < max_bytes then
      given[#given + 1] = give(popped[index])
      bytes = bytes + #(given[#given][3] or '')
    else
      redis.call('ZADD', q .. ':r', popped[index + 1], popped[index])
    end
  end
  return given
end

-- Who got nothing is told what comes, until then; '-' for one that can only be told to look.
local function wait_for_letter(q, args, now)
  if tonumber(args[7]) == 0 then return end
  local nonce = args[8] == '1' and args[4] or '-'
  redis.call('HSET', q .. ':w', args[6], table.concat({ now + args[7], nonce, args[2], args[3] }, ' '))
end

-- One call gives once: nothing more may come under its nonce.
local function no_letter(q, args)
  if tonumber(args[7]) > 0 then redis.call('HDEL', q .. ':w', args[6]) end
end

-- agent, max, leaseMs, nonce, until when the caller waits for the answer; its name, for how many ms it takes letters if it
-- gets nothing, and whether it can: the time of the store, ms until there is something to do again, what is handed out, and
-- what is lost.
register('lease', function(keys, args)
  local base, now, nonce = keys[1], now_ms(), args[4]
  local q = queue_of(base, args[1])
  if now > tonumber(args[5]) then return { now, 0, {}, {} } end
  local found = redis.call('HMGET', q, 's', 'paused', 'hold', 'ordering', 'seen')
  if not found[1] then return { now, -1, {}, {} } end
  keep_alive(q, found[5], now)
  local till = now + args[3]
  local answered = redis.call('GET', base .. ':n:' .. nonce)
  if answered then
    local given, lost = taken_before(base, q, answered, nonce, till)
    no_letter(q, args)
    return { now, 0, given, lost }
  end
  if found[2] or found[3] then
    wait_for_letter(q, args, now)
    return { now, -1, {}, {} }
  end
  promote(base, q, found[4] == 'key', now)
  local lost = take_over(base, q, found[4] == 'key', now)
  local give, keep = giver(base, q, nonce, till, now)
  for index, delivery in ipairs(lost) do lost[index] = give(delivery) end
  local given = give_ready(q, give, args[2], MAX_BYTES)
  keep()
  if #given + #lost == 0 then wait_for_letter(q, args, now)
  else no_letter(q, args) end
  return { now, soonest(q, now), given, lost }
end)

-- agent, nonce, name of who takes no letters any more: what it was given meanwhile.
register('stop_waiting', function(keys, args)
  local base, now, nonce = keys[1], now_ms(), args[2]
  local q = queue_of(base, args[1])
  redis.call('HDEL', q .. ':w', args[3])
  local answered = redis.call('GET', base .. ':n:' .. nonce)
  if not answered then return {} end
  -- For no longer than it was given for.
  return (taken_before(base, q, answered, nonce))
end)

-- The record if whoever asks still holds the delivery; a lease that ran out does so until somebody else takes it over.
local function held(q, delivery, token)
  local record = record_of(q, delivery)
  if record.t == token and terms_of(q) then return record end
  return nil
end

-- agent, delivery, token of each: 1 acknowledged, 0 marked or not needed, -1 no longer held, or not for any longer.
register('start', function(keys, args)
  local base, outcomes, now = keys[1], {}, now_ms()
  for index = 1, #args, 3 do
    local q = queue_of(base, args[index])
    local record = held(q, args[index + 1], args[index + 2])
    local till = tonumber(redis.call('ZSCORE', q .. ':l', args[index + 1]) or 0)
    if not record or till <= now then
      outcomes[#outcomes + 1] = -1
    else
      if record.ret and not record.mk then
        record.mk = 1
        record.m = record.m + 1
      end
      if redis.call('HGET', q, 'guarantee') == 'at-most-once' then record.ack = 1 end
      keep_record(q, args[index + 1], record)
      outcomes[#outcomes + 1] = record.ack or 0
    end
  end
  return outcomes
end)

-- leaseMs; agent, delivery, token of each: 1 extended, -1 no longer held.
register('extend', function(keys, args)
  local base, outcomes, till = keys[1], {}, now_ms() + args[1]
  for index = 2, #args, 3 do
    local q = queue_of(base, args[index])
    if held(q, args[index + 1], args[index + 2]) then
      redis.call('ZADD', q .. ':l', till, args[index + 1])
      outcomes[#outcomes + 1] = 1
    else
      outcomes[#outcomes + 1] = -1
    end
  end
  return outcomes
end, 'allow-oom')
`;
