/** @module Lua: reading what was said, by topic, by index and by reference; never writes. */
export const readLua = `
-- The time of the store, and the newest id: everything up to it is in its place.
local function horizon(base)
  local last = redis.call('GET', base .. ':last')
  return now_ms(), last and last .. '9'
end

register('horizon', function(keys)
  local now, last = horizon(keys[1])
  return { now, last }
end, 'no-writes')

local function range(key, is_descending, min, max, limit)
  if is_descending then return redis.call('ZREVRANGEBYLEX', key, max, min, 'LIMIT', 0, limit) end
  return redis.call('ZRANGEBYLEX', key, min, max, 'LIMIT', 0, limit)
end

-- The horizon, and the first of places (id/topic) in the direction of reading, each with its body.
local function page(base, places, is_descending, limit)
  local now, last = horizon(base)
  if is_descending then table.sort(places, function(one, other) return one > other end) else table.sort(places) end
  local found = {}
  for index = 1, math.min(limit, #places) do
    found[#found + 1] = places[index]
    found[#found + 1] = redis.call('GET', base .. ':m:' .. string.sub(places[index], 1, 26))
  end
  return { now, last or '', found }
end

-- order, limit; topic, smallest and greatest id of each.
register('read_topics', function(keys, args)
  local base, is_descending, limit = keys[1], args[1] == 'desc', tonumber(args[2])
  local places = {}
  for index = 3, #args, 3 do
    for _, id in ipairs(range(base .. ':t:' .. args[index], is_descending, args[index + 1], args[index + 2], limit)) do
      places[#places + 1] = id .. '/' .. args[index]
    end
  end
  return page(base, places, is_descending, limit)
end, 'no-writes')

-- order, limit, index, smallest and greatest place.
register('read_index', function(keys, args)
  local base, is_descending, limit = keys[1], args[1] == 'desc', tonumber(args[2])
  local places = range(base .. ':' .. args[3], is_descending, args[4], args[5], limit)
  return page(base, places, is_descending, limit)
end, 'no-writes')

-- Whether a message lies under a topic.
local function lies_under(base, id, topic)
  local topics = redis.call('HGET', base .. ':x:' .. id, 't')
  return topics and string.find(' ' .. topics .. ' ', ' ' .. topic .. ' ', 1, true) ~= nil
end

-- id, topic of each: its body where it lies there.
register('read_references', function(keys, args)
  local base, found = keys[1], {}
  for index = 1, #args, 2 do
    local id = args[index]
    found[#found + 1] = lies_under(base, id, args[index + 1]) and redis.call('GET', base .. ':m:' .. id) or false
  end
  return { now_ms(), found }
end, 'no-writes')

-- The topics of a message.
register('topics_of', function(keys, args)
  return redis.call('HGET', keys[1] .. ':x:' .. args[1], 't') or ''
end, 'no-writes')

-- min, max, limit: names of topics.
register('topic_names', function(keys, args)
  return redis.call('ZRANGEBYLEX', keys[1] .. ':topics', args[1], args[2], 'LIMIT', 0, args[3])
end, 'no-writes')

-- min, limit: names of topics, each with its newest id.
register('topics', function(keys, args)
  local base, found = keys[1], {}
  for _, name in ipairs(redis.call('ZRANGEBYLEX', base .. ':topics', args[1], '+', 'LIMIT', 0, args[2])) do
    found[#found + 1] = name
    found[#found + 1] = redis.call('ZREVRANGEBYLEX', base .. ':t:' .. name, '+', '-', 'LIMIT', 0, 1)[1] or ''
  end
  return found
end, 'no-writes')
`;
