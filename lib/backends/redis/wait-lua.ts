/** @module Lua: handing deliveries to consumers that wait, in the call that made them ready. */
export const waitLua = `
-- Larger ones are fetched: what is said over publish/subscribe is buffered for those who are slow to hear it.
local LARGEST_LETTER = 65536

-- What a consumer is told: its nonce and what it is given as JSON, with lengths in the place of bodies, and the bodies.
local function letter_of(nonce, given)
  local bodies, entries = {}, {}
  for index, lease in ipairs(given) do
    local entry = {}
    for field = 1, 12 do entry[field] = lease[field] or '' end
    entry[3] = lease[3] and #lease[3] or -1
    bodies[index] = lease[3] or ''
    entries[index] = entry
  end
  return cjson.encode({ nonce, entries }) .. '\\n' .. table.concat(bodies)
end

local function take_back(base, q, given, now)
  for _, lease in ipairs(given) do
    local delivery = lease[1]
    local root, key = descent(base, (parts(delivery)))
    local record = record_of(q, delivery)
    if record.f == now then record.f = nil end
    give_back(base, q, delivery, record, root, key, 0, now)
  end
end

-- Writes to one that waits for letters; false if nobody does. Who does not hear it any more is forgotten.
local function write_letter(base, q, now)
  local found = redis.call('HRANDFIELD', q .. ':w', 1, 'WITHVALUES')
  if #found == 0 then return false end
  redis.call('HDEL', q .. ':w', found[1])
  local till, nonce, max, lease_ms = string.match(found[2], '^(%d+) (%S+) (%d+) (%d+)$')
  if tonumber(till) < now then return true end
  local first = redis.call('ZRANGE', q .. ':r', 0, 0)[1]
  local is_large = redis.call('STRLEN', base .. ':m:' .. string.sub(first, 1, 26)) > LARGEST_LETTER
  if nonce == '-' or is_large then
    redis.call('PUBLISH', q, '')
    return false
  end
  local give, keep = giver(base, q, nonce, now + lease_ms, now)
  local given = give_ready(q, give, max, LARGEST_LETTER)
  if redis.call('PUBLISH', q .. ':w:' .. found[1], letter_of(nonce, given)) == 0 then take_back(base, q, given, now)
  else keep() end
  return true
end

-- Deliveries that became ready go to who waits, without being asked for; a letter that is lost is given again under its
-- nonce. What else has changed is for all who wait to know.
function tell_waiting(base, q, why)
  local found = redis.call('HMGET', q, 's', 'paused', 'hold')
  if not found[1] or found[2] or found[3] then return end
  if why == 'changed' then return redis.call('PUBLISH', q, '') end
  local now = now_ms()
  while redis.call('ZCARD', q .. ':r') > 0 and write_letter(base, q, now) do end
end
`;
