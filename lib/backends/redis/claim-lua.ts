/** @module Lua: whose a namespace is, and whether whoever calls may do there all that a change does. */

/** The key `guildwire` holds the version of the registry; where it is, the namespace is ours. */
export const claimLua = `
local function version_key(base)
  return base .. ':guildwire'
end

-- What was read is no longer in force: every version is used once, also over a failover that loses one.
local function new_version(base, nonce)
  redis.call('SET', version_key(base), nonce)
end

local function foreign(key)
  return redis.error_reply('FOREIGN ' .. key)
end

-- nonce: refuses where another program has keys, and where a change would be stopped halfway for lack of a right.
register('claim', function(keys, args)
  local base, denied = keys[1], {}
  for _, command in ipairs(COMMANDS) do
    if not redis.acl_check_cmd(command, version_key(base)) then denied[#denied + 1] = command end
  end
  if #denied > 0 then return redis.error_reply('NOPERM missing for ' .. base .. ': ' .. table.concat(denied, ' ')) end
  if redis.call('EXISTS', version_key(base)) == 1 then return 1 end
  for _, name in ipairs({ 'last', 'subs', 'topics', 'replies', 'expires', 'sv', 'sweep' }) do
    local key = base .. ':' .. name
    if redis.call('EXISTS', key) == 1 then return foreign(key) end
  end
  new_version(base, args[1])
  return 1
end, 'allow-oom')
`;
