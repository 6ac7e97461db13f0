/** @module Lua: what is known of agents and their work. */
export const ledgerLua = `
-- agent, keys of its state: version and value of each.
register('state', function(keys, args)
  return redis.call('HMGET', keys[1] .. ':s:' .. args[1], unpack(args, 2))
end, 'no-writes')

-- root: nothing if no message of it is kept; else what is open and what came of the rest.
register('progress', function(keys, args)
  local base, root = keys[1], args[1]
  if redis.call('EXISTS', base .. ':m:' .. root, base .. ':th:' .. root) == 0 then return false end
  return redis.call('HMGET', base .. ':r:' .. root, 'waiting', 'running', 'retrying', 'delayed', 'timers', 'handled', 'failed', 'halted')
end, 'no-writes')

-- topic, id: nothing if there is no such message; else agent, epoch, state, attempts of each delivery.
register('fates', function(keys, args)
  local base, topic, id = keys[1], args[1], args[2]
  if not lies_under(base, id, topic) then return false end
  local found = {}
  local function add(agent, epoch, state, attempts)
    for _, value in ipairs({ agent, epoch, state, attempts }) do found[#found + 1] = tostring(value) end
  end
  local mine = string.match(fate_field(base, '', id, topic, ''), '^/(%d+)/')
  local fields = redis.call('HGETALL', base .. ':x:' .. id)
  for index = 1, #fields, 2 do
    local agent, place, epoch = string.match(fields[index], '^([^/]+)/(%d+)/(%d+)$')
    if agent and place == mine then add(agent, epoch, string.match(fields[index + 1], '^(%S+) (%d+)$')) end
  end
  for _, agent in ipairs(redis.call('SMEMBERS', base .. ':subs')) do
    local q, prefix = queue_of(base, agent), id .. '/' .. topic .. '/'
    for _, delivery in ipairs(redis.call('ZRANGEBYLEX', q .. ':o', '[' .. prefix, '(' .. prefix .. ':')) do
      local _, _, epoch = parts(delivery)
      local record = record_of(q, delivery)
      if redis.call('ZSCORE', q .. ':l', delivery) then add(agent, epoch, 'running', record.a + 1)
      else add(agent, epoch, waiting_as(record), record.a) end
    end
  end
  return found
end, 'no-writes')

-- The oldest delivery that is in nobody's hands.
local function oldest(q)
  for start = 0, 1e9, 100 do
    local chunk = redis.call('ZRANGE', q .. ':o', start, start + 99)
    if #chunk == 0 then return '' end
    for _, delivery in ipairs(chunk) do
      if not redis.call('ZSCORE', q .. ':l', delivery) then return delivery end
    end
  end
end

-- agent, waiting, dead, oldest, fields of each subscription.
register('stats', function(keys)
  local base, found = keys[1], {}
  for index, agent in ipairs(redis.call('SMEMBERS', base .. ':subs')) do
    local q = queue_of(base, agent)
    local waiting = redis.call('ZCARD', q .. ':o') - redis.call('ZCARD', q .. ':l')
    local dead = redis.call('ZCARD', base .. ':dl:' .. agent)
    found[index] = { agent, waiting, dead, oldest(q), redis.call('HGETALL', q) }
  end
  return found
end, 'no-writes')
`;
