/** @module Lua: the queue of one subscription. What may be handed out, what is delayed, what waits behind its key. */
export const queueLua = `
-- Whoever waits is told at the end of the call: what is 'ready' goes to some, and for what has 'changed' all look again.
local function stir(q, why)
  if stirred[q] ~= 'changed' then stirred[q] = why end
end

local function make_ready(q, delivery)
  stir(q, 'ready')
  redis.call('ZADD', q .. ':r', string.sub(delivery, 26, 26), delivery)
end

local function is_first(q, delivery, key)
  return redis.call('HGET', q .. ':h', key) == delivery
end

-- The first of its key may be handed out; any other waits behind those before it.
local function enter(q, delivery, key)
  if redis.call('HSETNX', q .. ':h', key, delivery) == 1 then
    make_ready(q, delivery)
  else
    redis.call('RPUSH', q .. ':k:' .. key, delivery)
  end
end

-- The first of a key is done with; the next may go.
local function leave(q, delivery, key)
  if not is_first(q, delivery, key) then return end
  local follower = redis.call('LPOP', q .. ':k:' .. key)
  if follower then
    redis.call('HSET', q .. ':h', key, follower)
    make_ready(q, follower)
  else
    redis.call('HDEL', q .. ':h', key)
  end
end

-- One that was first of its key before still is; any other joins its key at the end.
local function ready_again(q, delivery, is_ordered, key)
  if is_ordered and not is_first(q, delivery, key) then enter(q, delivery, key) else make_ready(q, delivery) end
end

local function delay(q, delivery, due)
  local first = redis.call('ZRANGE', q .. ':d', 0, 0, 'WITHSCORES')
  redis.call('ZADD', q .. ':d', due, delivery)
  if not first[2] or tonumber(first[2]) > due then stir(q, 'changed') end
end

-- What a delivery that is not yet due counts as; a timer is an agent's message to itself that was never handed out.
local function delayed_as(topic, record)
  if record.a > 0 then return 'retrying' end
  return not record.f and string.sub(topic, 1, 6) == '$self.' and 'timers' or 'delayed'
end

local function waiting_as(record)
  return record.a > 0 and 'retrying' or 'waiting'
end

-- A delivery comes to be, once.
local function enqueue(base, agent, delivery, root, key, due, now, cause)
  local q = queue_of(base, agent)
  if redis.call('ZADD', q .. ':o', 'NX', 0, delivery) == 0 then return end
  local id, topic = parts(delivery)
  redis.call('HINCRBY', base .. ':x:' .. id, 'o', 1)
  if cause then keep_record(q, delivery, { a = 0, m = 0, c = cause }) end
  if due > now then
    count(base, root, delayed_as(topic, { a = 0 }), 1)
    return delay(q, delivery, due)
  end
  count(base, root, 'waiting', 1)
  local _, is_ordered, is_held = terms_of(q)
  if not is_ordered then
    make_ready(q, delivery)
  elseif is_held then
    redis.call('ZADD', q .. ':held', 0, delivery)
  else
    enter(q, delivery, key)
  end
end

-- Takes a delivery back to be handed out again; it keeps the place of its key.
local function give_back(base, q, delivery, record, root, key, due, now)
  redis.call('ZREM', q .. ':l', delivery)
  record.t = nil
  record.mk = nil
  keep_record(q, delivery, record)
  count(base, root, 'running', -1)
  if due > now then
    local _, topic = parts(delivery)
    count(base, root, delayed_as(topic, record), 1)
    return delay(q, delivery, due)
  end
  count(base, root, waiting_as(record), 1)
  local _, is_ordered = terms_of(q)
  ready_again(q, delivery, is_ordered, key)
end

-- Longer than any attempt: one that lost its delivery may still be at work when another has ended it.
local EFFECTS_KEPT_S = 3600

-- A delivery is over: nothing of it stays but its fate, and for a while what its attempts had stored at once.
local function forget_delivery(base, q, agent, delivery, record, state, attempts)
  local id, topic, epoch = parts(delivery)
  redis.call('ZREM', q .. ':l', delivery)
  redis.call('ZREM', q .. ':o', delivery)
  redis.call('HDEL', q .. ':i', delivery)
  if record.a > 0 then redis.call('HDEL', q .. ':f', delivery) end
  if record.e then
    local namespace = string.match(base, '{(.-)}')
    redis.call('EXPIRE', base .. ':e:' .. table.concat({ namespace, agent, topic, id, epoch }, '/'), EFFECTS_KEPT_S)
  end
  redis.call('HINCRBY', base .. ':x:' .. id, 'o', -1)
  redis.call('HSET', base .. ':x:' .. id, fate_field(base, agent, id, topic, epoch), state .. ' ' .. attempts)
end

-- Tells whoever waits for a root when nothing of it is left but timers.
local function tell_if_settled(base, root)
  local open = redis.call('HMGET', base .. ':r:' .. root, 'waiting', 'running', 'retrying', 'delayed')
  for index = 1, 4 do
    if open[index] and tonumber(open[index]) > 0 then return end
  end
  redis.call('PUBLISH', base .. ':settled', root)
end
`;
