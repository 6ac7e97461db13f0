/** @module Lua: letting go of what is past its retention or has expired, in chunks, never of what somebody has not had. */
export const retentionLua = `
-- One copy of a message leaves its indexes; with the last copy the message goes. False while deliveries of it are open.
local function let_go(base, id, topic)
  local found = redis.call('HMGET', base .. ':x:' .. id, 't', 'r', 'c', 'o', 'x')
  if tonumber(found[4] or 0) > 0 then return false end
  local place, left = id .. '/' .. topic, {}
  redis.call('ZREM', base .. ':t:' .. topic, id)
  for name in string.gmatch(found[1] or '', '%S+') do
    if name ~= topic then left[#left + 1] = name end
  end
  local root = found[2] or id
  if found[3] then redis.call('ZREM', base .. ':c:' .. found[3], place) end
  redis.call('ZREM', base .. ':th:' .. root, place)
  local agent = string.match(topic, '^%$dead%.(.+)$')
  if agent then redis.call('ZREM', base .. ':dl:' .. agent, place) end
  for _, name in ipairs(left) do
    if redis.call('ZSCORE', base .. ':t:' .. name, id) then return true end
  end
  redis.call('UNLINK', base .. ':m:' .. id, base .. ':x:' .. id)
  if found[5] then redis.call('ZREM', base .. ':expires', id) end
  if redis.call('EXISTS', base .. ':th:' .. root, base .. ':m:' .. root) == 0 then redis.call('DEL', base .. ':r:' .. root) end
  return true
end

local function forget_topic(base, topic)
  if redis.call('EXISTS', base .. ':t:' .. topic) == 1 then return end
  redis.call('ZREM', base .. ':topics', topic)
  redis.call('ZREM', base .. ':replies', topic)
end

-- how many; topic, smallest id that stays, smallest to look at: the topics that are not done, each with where it came to.
register('sweep_topics', function(keys, args)
  local base, left, open = keys[1], tonumber(args[1]), {}
  for index = 2, #args, 3 do
    local topic, min = args[index], args[index + 2]
    local ids = left > 0 and redis.call('ZRANGEBYLEX', base .. ':t:' .. topic, min, '(' .. args[index + 1], 'LIMIT', 0, left) or {}
    for _, id in ipairs(ids) do let_go(base, id, topic) end
    if #ids == left then
      open[#open + 1] = topic
      open[#open + 1] = ids[#ids] and '(' .. ids[#ids] or min
    end
    left = left - #ids
    if #ids > 0 then forget_topic(base, topic) end
  end
  return open
end, 'allow-oom')

-- until when, how many: lets expired messages go that nobody has to be told of any more; how many there were.
register('sweep_expired', function(keys, args)
  local base = keys[1]
  local ids = redis.call('ZRANGEBYSCORE', base .. ':expires', '-inf', args[1], 'LIMIT', 0, args[2])
  for _, id in ipairs(ids) do
    local is_gone = true
    for topic in string.gmatch(redis.call('HGET', base .. ':x:' .. id, 't') or '', '%S+') do
      is_gone = let_go(base, id, topic) and is_gone
      forget_topic(base, topic)
    end
    -- One that still waits for a consumer is looked at again an hour later.
    if is_gone then redis.call('ZREM', base .. ':expires', id) else redis.call('ZADD', base .. ':expires', args[1] + 3600000, id) end
  end
  return #ids
end, 'allow-oom')

-- since when: the subscriptions from which nobody has taken anything since, each with how much waits.
register('abandoned', function(keys, args)
  local base, found = keys[1], {}
  for _, agent in ipairs(redis.call('SMEMBERS', base .. ':subs')) do
    local q = queue_of(base, agent)
    local seen = tonumber(redis.call('HGET', q, 'seen') or args[1])
    if seen < tonumber(args[1]) then
      for _, value in ipairs({ agent, seen, redis.call('ZCARD', q .. ':o') }) do found[#found + 1] = value end
    end
  end
  return found
end, 'no-writes')

-- everyMs: whether it is this caller's turn to sweep.
register('sweep_turn', function(keys, args)
  return redis.call('SET', keys[1] .. ':sweep', '1', 'NX', 'PX', args[1]) and 1 or 0
end, 'allow-oom')

-- topics or replies, min, limit: names of topics.
register('swept_names', function(keys, args)
  return redis.call('ZRANGEBYLEX', keys[1] .. ':' .. args[1], args[2], '+', 'LIMIT', 0, args[3])
end, 'no-writes')
`;
