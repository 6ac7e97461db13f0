/** @module Lua: time, gemstone ids minted in the store, and the name and record of a delivery. */

/**
 * Keys of a namespace, all behind `base`, which holds the hash tag:
 *
 * - `last` the newest id without its priority, `guildwire` the version of the registry, `subs` the agents that have a subscription
 * - `m:ID` body, `x:ID` what is known of the message (topics, root, key, conversation, open deliveries, fates)
 * - `t:TOPIC`, `th:ROOT`, `c:CONVERSATION`, `dl:AGENT` indexes in the order of ids, `topics` their names
 * - `r:ROOT` what is open and what was spent of a thread
 * - `q:AGENT` a subscription, with `:o` everything open, `:r` ready, `:d` delayed, `:l` leased, `:i` records, `:f` faults,
 *   `:h` the first delivery of each key, `:k:KEY` those behind it, `:held` what waits for the end of a backfill
 * - `s:AGENT` state, `i:KEY` idempotency keys, `e:DELIVERY` effects, `n:NONCE` answers to calls, `p:PLAN` plans
 */
export const identityLua = `
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

local function value_at(text, index)
  return string.find(ALPHABET, string.sub(text, index, index), 1, true) - 1
end

local function encode_time(ms)
  local text = ''
  for _ = 1, 10 do
    local digit = ms % 32
    text = string.sub(ALPHABET, digit + 1, digit + 1) .. text
    ms = (ms - digit) / 32
  end
  return text
end

local function decode_time(text)
  local ms = 0
  for index = 1, 10 do ms = ms * 32 + value_at(text, index) end
  return ms
end

-- The next of 15 random characters; nil when the count is used up.
local function count_on(tail)
  for index = 15, 1, -1 do
    local value = value_at(tail, index)
    if value < 31 then
      return string.sub(tail, 1, index - 1) .. string.sub(ALPHABET, value + 2, value + 2) .. string.rep('0', 15 - index)
    end
  end
  return nil
end

-- Strictly increasing ids, also over a clock that steps back or a failover: the last one is stored.
local function minter(base, now, random)
  local last = redis.call('GET', base .. ':last')
  local time = encode_time(now)
  local function mint(priority)
    if not last or time > string.sub(last, 1, 10) then
      last = time .. random
    else
      local stamp = string.sub(last, 1, 10)
      local tail = count_on(string.sub(last, 11))
      last = tail and stamp .. tail or encode_time(decode_time(stamp) + 1) .. random
    end
    return last .. priority
  end
  local function keep()
    if last then redis.call('SET', base .. ':last', last) end
  end
  return mint, keep
end

local function queue_of(base, agent)
  return base .. ':q:' .. agent
end

-- Whether the subscription exists, how it is ordered, and whether a backfill holds it.
local function terms_of(q)
  local found = seen[q]
  if not found then
    found = redis.call('HMGET', q, 's', 'ordering', 'hold')
    seen[q] = found
  end
  return found[1], found[2] == 'key', found[3]
end

-- A delivery is named id/topic/epoch, which sorts by id.
local function parts(delivery)
  local topic, epoch = string.match(delivery, '^[^/]+/(.+)/(%d+)$')
  return string.sub(delivery, 1, 26), topic, epoch
end

-- What was attempted: a failed attempts, m starts without an outcome, f first handing-out, t token, ret returned without
-- outcome, mk start marked, ack acknowledged at its start, c redriven or replayed, e has stored effects. One that was damaged
-- begins anew.
local function record_of(q, delivery)
  local packed = redis.call('HGET', q .. ':i', delivery)
  if not packed then return { a = 0, m = 0 } end
  local is_read, record = pcall(cmsgpack.unpack, packed)
  return is_read and type(record) == 'table' and record.a and record.m and record or { a = 0, m = 0 }
end

local function keep_record(q, delivery, record)
  redis.call('HSET', q .. ':i', delivery, cmsgpack.pack(record))
end

-- The root that a message descends from, what orders it, and its topics.
local function descent(base, id)
  local found = seen[id]
  if not found then
    found = redis.call('HMGET', base .. ':x:' .. id, 'r', 'k', 't')
    seen[id] = found
  end
  local root = found[1] or id
  return root, found[2] or root, found[3] or ''
end

local function count(base, root, field, by)
  redis.call('HINCRBY', base .. ':r:' .. root, field, by)
end

-- Delivery ends, or comes to be, under the name of its agent, its topic's place among those of the message, and its epoch.
local function fate_field(base, agent, id, topic, epoch)
  local place = 0
  local _, _, topics = descent(base, id)
  for name in string.gmatch(topics, '%S+') do
    if name == topic then break end
    place = place + 1
  end
  return agent .. '/' .. place .. '/' .. epoch
end
`;
