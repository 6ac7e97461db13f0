/** @module Lua: plans, which are frozen lists of dead letters or messages, and handing their entries out once more. */
export const planLua = `
local PLAN_KEPT_S = 30 * 86400

local function report(base, plan)
  local found = redis.call('HMGET', base .. ':p:' .. plan, 'agent', 'action', 'total', 'done', 'skipped')
  return found[1] and found or {}
end

-- plan, agent, action, total, how many entries there are before these; entries, in as many calls as are needed. A call that
-- is repeated adds nothing.
register('plan', function(keys, args)
  local base, plan = keys[1], args[1]
  local key = base .. ':p:' .. plan
  redis.call('HSET', key, 'agent', args[2], 'action', args[3], 'total', args[4])
  redis.call('HSETNX', key, 'done', 0)
  redis.call('HSETNX', key, 'skipped', 0)
  if redis.call('LLEN', key .. ':e') == tonumber(args[5]) then redis.call('RPUSH', key .. ':e', unpack(args, 6)) end
  redis.call('EXPIRE', key, PLAN_KEPT_S)
  redis.call('EXPIRE', key .. ':e', PLAN_KEPT_S)
  return report(base, plan)
end)

-- plan, max: how far it is, and the entries that come next.
register('plan_next', function(keys, args)
  local base, plan = keys[1], args[1]
  local found = report(base, plan)
  if not found[1] or args[2] == '0' then return { found, {} } end
  return { found, redis.call('LRANGE', base .. ':p:' .. plan .. ':e', found[4], found[4] + args[2] - 1) }
end, 'no-writes')

-- A delivery of an epoch of its own.
local function deliver_again(base, agent, id, topic, cause, now)
  local place = fate_field(base, agent, id, topic, 'e')
  local epoch = redis.call('HINCRBY', base .. ':x:' .. id, place, 1)
  local root, key = descent(base, id)
  enqueue(base, agent, id .. '/' .. topic .. '/' .. epoch, root, key, 0, now, cause)
  return root
end

-- What a dead letter tells of its original takes the place of one that is no longer kept; for a day, or until it is handled,
-- as no index of a topic holds it by which retention would find it.
local function restore(base, item, body, now)
  if not redis.call('SET', base .. ':m:' .. item.id, body, 'NX') then return end
  describe(base, item.id, item)
  redis.call('ZADD', base .. ':expires', 'NX', now + KEPT_MS, item.id)
end

local function redrive(base, agent, letter, item, body, now)
  if redis.call('ZREM', base .. ':dl:' .. agent, letter) == 0 then return false end
  if not item then return true end
  restore(base, item, body, now)
  local root = deliver_again(base, agent, item.id, item.topic, 'redriven', now)
  local counted = item.halted and 'halted' or 'failed'
  if (tonumber(redis.call('HGET', base .. ':r:' .. root, counted)) or 0) > 0 then count(base, root, counted, -1) end
  return true
end

local function replay(base, agent, item, now)
  local expires = redis.call('HGET', base .. ':x:' .. item.id, 'x')
  if redis.call('EXISTS', base .. ':m:' .. item.id) == 0 then return false end
  if expires and tonumber(expires) <= now then return false end
  deliver_again(base, agent, item.id, item.topic, 'replayed', now)
  return true
end

-- plan, done so far, entries as JSON, bodies: works the next entries off, unless another call was faster.
register('plan_run', function(keys, args)
  local base, plan, now = keys[1], args[1], now_ms()
  local found = report(base, plan)
  if found[4] ~= args[2] then return { found } end
  local agent, action, skipped = found[1], found[2], 0
  if action ~= 'discard' and redis.call('HEXISTS', queue_of(base, agent), 's') == 0 then return { found, 'nobody' } end
  local entries = cjson.decode(args[3])
  for _, entry in ipairs(entries) do
    local is_done
    if action == 'replay' then is_done = replay(base, agent, entry.item, now)
    else is_done = redrive(base, agent, entry.letter, entry.item, args[entry.b], now) end
    if not is_done then skipped = skipped + 1 end
  end
  local key = base .. ':p:' .. plan
  local done = redis.call('HINCRBY', key, 'done', #entries)
  redis.call('HINCRBY', key, 'skipped', skipped)
  if done >= tonumber(found[3]) then redis.call('DEL', key .. ':e') end
  return { report(base, plan) }
end)
`;
