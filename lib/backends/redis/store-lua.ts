/** @module Lua: storing messages under their topics, with idempotency keys, and queueing them for who follows. */

/**
 * `append`: nonce, version, random, header, bodies. Each entry of the header is one message: `p` priority, `b` which body,
 * `topics` each with its name and whom it goes to, `r` root, `k` key, `c` conversation, `at` due, `x` expiry, `i` idempotency
 * key and digest, `e` effect. `new` holds what to announce of topics that the client did not know.
 */
export const storeLua = `
local KEPT_MS = 86400000
local NONCE_KEPT_MS = 30000

-- Whether the client matched against the subscriptions that are in force, and knows which topics are new.
local function is_stale(base, version, header)
  if redis.call('GET', version_key(base)) ~= version then return true end
  for _, topic in ipairs(header.known) do
    if not redis.call('ZSCORE', base .. ':topics', topic) then return true end
  end
  return false
end

-- A key where another program was before us: the index of a topic that nobody of ours has used.
local function foreign_topic(base, header)
  for name in pairs(header.new or {}) do
    local key = base .. ':t:' .. name
    if redis.call('EXISTS', key) == 1 and not redis.call('ZSCORE', base .. ':topics', name) then return key end
  end
  return nil
end

-- The id under which this was stored before, or the key that was used for another payload.
local function stored_before(base, entry)
  if entry.e then return redis.call('HGET', base .. ':e:' .. entry.e.key, entry.e.ordinal) end
  if not entry.i then return false end
  local found = redis.call('GET', base .. ':i:' .. entry.i.key)
  if not found then return false end
  if string.sub(found, 28) ~= entry.i.digest then return false, entry.i.key end
  return string.sub(found, 1, 26)
end

local function remember(base, entry, id)
  if entry.e then
    local key = base .. ':e:' .. entry.e.key
    redis.call('HSET', key, entry.e.ordinal, id)
    local q = queue_of(base, entry.e.agent)
    if redis.call('ZSCORE', q .. ':o', entry.e.delivery) then
      local record = record_of(q, entry.e.delivery)
      record.e = 1
      keep_record(q, entry.e.delivery, record)
    else
      redis.call('EXPIRE', key, EFFECTS_KEPT_S)
    end
  elseif entry.i then
    redis.call('SET', base .. ':i:' .. entry.i.key, id .. ' ' .. entry.i.digest, 'PX', KEPT_MS)
  end
end

-- Everything of a root is in its thread; a root of which nothing descends needs none.
local function add_to_thread(base, root, id, topics)
  local key = base .. ':th:' .. root
  if redis.call('EXISTS', key) == 0 then
    for name in string.gmatch(redis.call('HGET', base .. ':x:' .. root, 't') or '', '%S+') do
      redis.call('ZADD', key, 0, root .. '/' .. name)
    end
  end
  for _, topic in ipairs(topics) do redis.call('ZADD', key, 0, id .. '/' .. topic.name) end
end

local function describe(base, id, entry)
  local names = {}
  for index, topic in ipairs(entry.topics) do names[index] = topic.name end
  local fields = { 't', table.concat(names, ' ') }
  for _, field in ipairs({ 'r', 'k', 'c', 'x' }) do
    if entry[field] then
      fields[#fields + 1] = field
      fields[#fields + 1] = entry[field]
    end
  end
  redis.call('HSET', base .. ':x:' .. id, unpack(fields))
end

local store

local function announce(call, name)
  if seen['topic ' .. name] then return end
  seen['topic ' .. name] = true
  if redis.call('ZADD', call.base .. ':topics', 'NX', 0, name) == 0 then return end
  local announcement = call.header.new and call.header.new[name]
  if announcement then store(call, announcement) end
end

-- One message: mints its id, lays it under each topic, queues it for each target.
function store(call, entry)
  local base = call.base
  for _, topic in ipairs(entry.topics) do
    if string.sub(topic.name, 1, 7) == '$reply.' then redis.call('ZADD', base .. ':replies', 0, topic.name)
    else announce(call, topic.name) end
  end
  local id = call.mint(entry.p)
  redis.call('SET', base .. ':m:' .. id, call.bodies[entry.b])
  describe(base, id, entry)
  local root = entry.r or id
  for _, topic in ipairs(entry.topics) do
    redis.call('ZADD', base .. ':t:' .. topic.name, 0, id)
    call.told[topic.name] = true
    if entry.c then redis.call('ZADD', base .. ':c:' .. entry.c, 0, id .. '/' .. topic.name) end
    for _, agent in ipairs(topic.to) do
      enqueue(base, agent, id .. '/' .. topic.name .. '/0', root, entry.k or root, entry.at or 0, call.now)
    end
  end
  if entry.r then add_to_thread(base, root, id, entry.topics) end
  if entry.x then redis.call('ZADD', base .. ':expires', entry.x, id) end
  remember(base, entry, id)
  return id
end

-- What one call stores shares one clock, one minter, and one word to those who tail.
local function begin(base, random, header, bodies_from, args)
  local now = now_ms()
  local mint, keep = minter(base, now, random)
  local bodies = {}
  for index = bodies_from, #args do bodies[#bodies + 1] = args[index] end
  return { base = base, now = now, mint = mint, keep = keep, header = header, bodies = bodies, told = {} }
end

local function finish(call)
  call.keep()
  for topic in pairs(call.told) do redis.call('PUBLISH', call.base .. ':log', topic) end
end

local function answer(base, nonce, outcomes)
  local text = cjson.encode(outcomes)
  redis.call('SET', base .. ':n:' .. nonce, text, 'PX', NONCE_KEPT_MS)
  return text
end

register('append', function(keys, args)
  local base, nonce = keys[1], args[1]
  local answered = redis.call('GET', base .. ':n:' .. nonce)
  if answered then return answered end
  local header = cjson.decode(args[4])
  if is_stale(base, args[2], header) then return 'STALE' end
  local taken = foreign_topic(base, header)
  if taken then return foreign(taken) end
  local call = begin(base, args[3], header, 5, args)
  local outcomes = {}
  for index, entry in ipairs(header.entries) do
    local id, conflict = stored_before(base, entry)
    if conflict then outcomes[index] = { 'conflict', conflict }
    elseif id then outcomes[index] = { 'duplicate', id }
    else outcomes[index] = { 'stored', store(call, entry) } end
  end
  finish(call)
  return answer(base, nonce, outcomes)
end)
`;
