/** @module Lua: subscriptions come into force, catch up with the past, pause, and end. */
export const subscriptionLua = `
local REORDER_CHUNK = 1000

-- The version of the registry, and every subscription.
register('registry', function(keys)
  local base, subscriptions = keys[1], {}
  for index, agent in ipairs(redis.call('SMEMBERS', base .. ':subs')) do
    subscriptions[index] = redis.call('HGET', queue_of(base, agent), 's')
  end
  return { redis.call('GET', version_key(base)) or '', subscriptions }
end, 'no-writes')

-- What waits is put in the order that is asked for from now on, in chunks; until then nothing is handed out. What is in
-- somebody's hands stays the first of its key.
local function begin_reorder(base, q, is_ordered)
  redis.call('HSET', q, 'hold', 1, 'reorder', 1)
  if not is_ordered then return end
  for _, delivery in ipairs(redis.call('ZRANGE', q .. ':l', 0, -1)) do
    local _, key = descent(base, (parts(delivery)))
    redis.call('HSETNX', q .. ':h', key, delivery)
  end
end

-- What was ready waits for its turn to enter its key, in the order of ids; true when all does.
local function to_keys(q)
  local popped = redis.call('ZPOPMIN', q .. ':r', REORDER_CHUNK)
  for index = 1, #popped, 2 do redis.call('ZADD', q .. ':held', 0, popped[index]) end
  return #popped == 0
end

-- What waited behind its key is ready; true when no key is left.
local function from_keys(q)
  local left = REORDER_CHUNK
  for _, key in ipairs(redis.call('HRANDFIELD', q .. ':h', REORDER_CHUNK)) do
    local behind = left > 0 and redis.call('LPOP', q .. ':k:' .. key, left) or {}
    for _, delivery in ipairs(behind) do make_ready(q, delivery) end
    left = left - 1 - #behind
    if left < 0 then return false end
    redis.call('HDEL', q .. ':h', key)
  end
  return redis.call('EXISTS', q .. ':h') == 0
end

-- agent, text, ordering, guarantee, from, nonce: LEFTOVERS of a former one to forget first; else what is to be done until
-- it hands out: nothing, or to catch up with the past from one point to another, which may be none, and to release.
register('subscribe', function(keys, args)
  local base, agent, text, ordering, guarantee, from = keys[1], args[1], args[2], args[3], args[4], args[5]
  local q = queue_of(base, agent)
  local before = redis.call('HMGET', q, 's', 'ordering', 'hold', 'from', 'to')
  if not before[1] and redis.call('EXISTS', q .. ':o') == 1 then return 'LEFTOVERS' end
  if not before[1] and redis.call('EXISTS', q) == 1 then return foreign(q) end
  if before[1] ~= text then
    redis.call('HSET', q, 's', text, 'ordering', ordering, 'guarantee', guarantee)
    redis.call('SADD', base .. ':subs', agent)
    new_version(base, args[6])
  end
  redis.call('HSET', q, 'seen', now_ms())
  if before[1] then
    if before[2] ~= ordering then begin_reorder(base, q, ordering == 'key') end
    if before[2] == ordering and not before[3] then return {} end
    return { before[4] or '', before[5] or '' }
  end
  local last = redis.call('GET', base .. ':last')
  if from == 'now' or not last then return {} end
  redis.call('HSET', q, 'hold', 1, 'from', from, 'to', last .. '9')
  return { from, last .. '9' }
end)

-- agent; delivery, root, key, due of each message of the past. Adds nothing twice, and nothing once the past is closed.
register('backfill', function(keys, args)
  local base, agent, now = keys[1], args[1], now_ms()
  if redis.call('HEXISTS', queue_of(base, agent), 'hold') == 0 then return 0 end
  for index = 2, #args, 4 do
    enqueue(base, agent, args[index], args[index + 1], args[index + 2], tonumber(args[index + 3]), now)
  end
  return 1
end)

-- agent: closes the past and a change of the order, in chunks; 1 when both are closed.
register('release', function(keys, args)
  local base = keys[1]
  local q = queue_of(base, args[1])
  local found = redis.call('HMGET', q, 'hold', 'reorder', 'ordering')
  if not found[1] then return 1 end
  local is_ordered = found[3] == 'key'
  if found[2] then
    if is_ordered and to_keys(q) or not is_ordered and from_keys(q) then redis.call('HDEL', q, 'reorder') end
    return 0
  end
  local chunk = redis.call('ZRANGE', q .. ':held', 0, REORDER_CHUNK - 1)
  for _, delivery in ipairs(chunk) do
    local _, key = descent(base, (parts(delivery)))
    ready_again(q, delivery, is_ordered, key)
    redis.call('ZREM', q .. ':held', delivery)
  end
  if redis.call('EXISTS', q .. ':held') == 1 then return 0 end
  redis.call('HDEL', q, 'hold', 'from', 'to')
  stir(q, 'changed')
  return 1
end)

-- What an ended subscription left, in chunks; 1 when nothing is left.
local function forget_waiting(base, agent)
  local q = queue_of(base, agent)
  for _, delivery in ipairs(redis.call('ZRANGE', q .. ':o', 0, 499)) do
    local id, topic = parts(delivery)
    local root, key = descent(base, id)
    local record = record_of(q, delivery)
    local place = waiting_as(record)
    if redis.call('ZSCORE', q .. ':l', delivery) then place = 'running'
    elseif redis.call('ZREM', q .. ':d', delivery) == 1 then place = delayed_as(topic, record) end
    count(base, root, place, -1)
    forget_delivery(base, q, agent, delivery, record, 'unsubscribed', record.a)
    redis.call('ZREM', q .. ':r', delivery)
    redis.call('DEL', q .. ':k:' .. key)
    tell_if_settled(base, root)
  end
  if redis.call('EXISTS', q .. ':o') == 1 then return 0 end
  redis.call('DEL', q .. ':h', q .. ':held', q .. ':r', q .. ':w')
  return 1
end

-- agent, nonce: the subscription ends at once; 0 if "forget" has more to do.
register('unsubscribe', function(keys, args)
  local base, agent = keys[1], args[1]
  if redis.call('SREM', base .. ':subs', agent) == 1 then new_version(base, args[2]) end
  redis.call('DEL', queue_of(base, agent))
  return forget_waiting(base, agent)
end, 'allow-oom')

-- agent: 0 if there is more to do; 1 also if there is a subscription again, which is left as it is.
register('forget', function(keys, args)
  local base, agent = keys[1], args[1]
  return redis.call('HEXISTS', queue_of(base, agent), 's') == 1 and 1 or forget_waiting(base, agent)
end, 'allow-oom')

-- agent, 1 or 0: 0 if there is no such subscription.
register('pause', function(keys, args)
  local q = queue_of(keys[1], args[1])
  if redis.call('HEXISTS', q, 's') == 0 then return 0 end
  if args[2] == '1' then redis.call('HSET', q, 'paused', 1) else redis.call('HDEL', q, 'paused') end
  stir(q, 'changed')
  return 1
end)
`;
