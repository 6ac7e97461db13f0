/** @module Lua: everything that an attempt decides, in one step: all of it holds or none. */

/**
 * `settle`: nonce, version, random, header, bodies. Each of `steps` names its agent, delivery and token, how it ends, and what
 * it writes; `letter` is a dead letter, `listed` whether it is open to plans.
 */
export const settleLua = `
local function state_conflict(base, step)
  for _, write in ipairs(step.state or {}) do
    local found = redis.call('HGET', base .. ':s:' .. step.agent, write.key)
    local version = found and string.match(found, '^%d+') or '0'
    if version ~= write.version then return write.key end
  end
  return nil
end

-- A key that was used for another payload, before or among these.
local function key_conflict(base, outputs)
  local digests = {}
  for _, entry in ipairs(outputs) do
    if entry.i and not entry.e then
      local _, conflict = stored_before(base, entry)
      if conflict or (digests[entry.i.key] or entry.i.digest) ~= entry.i.digest then return entry.i.key end
      digests[entry.i.key] = entry.i.digest
    end
  end
  return nil
end

local function write_state(base, step, bodies)
  for _, write in ipairs(step.state or {}) do
    local key = base .. ':s:' .. step.agent
    if write.b then
      -- A version is never used twice, so that a key that was deleted and written again is seen to have changed.
      redis.call('HSET', key, write.key, redis.call('INCR', base .. ':sv') .. ' ' .. bodies[write.b])
    else
      redis.call('HDEL', key, write.key)
    end
  end
end

local function again(call, q, step, record, root, key)
  if step.fault then
    local before = record.a > 0 and redis.call('HGET', q .. ':f', step.delivery)
    redis.call('HSET', q .. ':f', step.delivery, before and before .. ',' .. step.fault or step.fault)
    record.a = record.a + 1
  end
  if record.mk then record.m = record.m - 1 end
  record.ret = nil
  give_back(call.base, q, step.delivery, record, root, key, call.now + step.delay, call.now)
end

-- The key that a delivery holds; also where what was known of its message is gone, so that nothing waits for it for ever.
local function held_key(base, q, delivery, key)
  if redis.call('EXISTS', base .. ':x:' .. (parts(delivery))) == 1 then return key end
  local heads = redis.call('HGETALL', q .. ':h')
  for index = 1, #heads, 2 do
    if heads[index + 1] == delivery then return heads[index] end
  end
  return key
end

local function over(call, q, step, record, root, key)
  local base = call.base
  local _, is_ordered = terms_of(q)
  if is_ordered then leave(q, step.delivery, held_key(base, q, step.delivery, key)) end
  local is_run = step.ends == 'handled' or step.ends == 'dead'
  forget_delivery(base, q, step.agent, step.delivery, record, step.ends, record.a + (is_run and 1 or 0))
  count(base, root, 'running', -1)
  local counter = ({ handled = 'handled', dead = 'failed', halted = 'halted' })[step.ends]
  if counter then count(base, root, counter, 1) else redis.call('HINCRBY', q, 'dropped ' .. step.ends, 1) end
end

local function store_outputs(call, step)
  local base, ids = call.base, {}
  for _, entry in ipairs(step.outputs or {}) do
    ids[#ids + 1] = stored_before(base, entry) or store(call, entry)
  end
  if step.letter then
    local id = store(call, step.letter)
    ids[#ids + 1] = id
    if step.listed then redis.call('ZADD', base .. ':dl:' .. step.agent, 0, id .. '/' .. step.letter.topics[1].name) end
  end
  return ids
end

local function settle(call, step)
  local base = call.base
  local q = queue_of(base, step.agent)
  local record = held(q, step.delivery, step.token)
  if not record then return { 'lost' } end
  local raced = state_conflict(base, step)
  if raced then return { 'raced', raced } end
  local conflict = key_conflict(base, step.outputs or {})
  if conflict then return { 'conflict', conflict } end
  local root, key = descent(base, (parts(step.delivery)))
  if step.spent then
    redis.call('HINCRBYFLOAT', base .. ':r:' .. root, 'usd', step.spent.usd)
    redis.call('HINCRBYFLOAT', base .. ':r:' .. root, 'tokens', step.spent.tokens)
  end
  if step.delay then
    again(call, q, step, record, root, key)
    return { 'settled' }
  end
  over(call, q, step, record, root, key)
  write_state(base, step, call.bodies)
  local ids = store_outputs(call, step)
  tell_if_settled(base, root)
  return { 'settled', unpack(ids) }
end

register('settle', function(keys, args)
  local base, nonce = keys[1], args[1]
  local answered = redis.call('GET', base .. ':n:' .. nonce)
  if answered then return answered end
  local header = cjson.decode(args[4])
  if header.stores and is_stale(base, args[2], header) then return 'STALE' end
  local taken = foreign_topic(base, header)
  if taken then return foreign(taken) end
  local call = begin(base, args[3], header, 5, args)
  local outcomes = {}
  for index, step in ipairs(header.steps) do outcomes[index] = settle(call, step) end
  if header.stores then finish(call) end
  return answer(base, nonce, outcomes)
end)
`;
