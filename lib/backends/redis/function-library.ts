/** @module The server-side functions: one library, named by its content, so that versions of it live side by side. */
import { createHash } from 'node:crypto';
import { claimLua } from './claim-lua.ts';
import { identityLua } from './identity-lua.ts';
import { leaseLua } from './lease-lua.ts';
import { ledgerLua } from './ledger-lua.ts';
import { planLua } from './plan-lua.ts';
import { queueLua } from './queue-lua.ts';
import { readLua } from './read-lua.ts';
import { retentionLua } from './retention-lua.ts';
import { settleLua } from './settle-lua.ts';
import { storeLua } from './store-lua.ts';
import { subscriptionLua } from './subscription-lua.ts';
import { waitLua } from './wait-lua.ts';

/** A call that changes queues tells whoever waits for them when it is done, once for each queue. */
const registerLua = `
local stirred = {}
-- What was read in this call and does not change in it.
local seen = {}
local tell_waiting

-- flag: 'no-writes' for what only reads, 'allow-oom' for what makes room.
local function register(name, callback, flag)
  local function call(keys, args)
    stirred, seen = {}, {}
    local answer = callback(keys, args)
    for q, why in pairs(stirred) do tell_waiting(keys[1], q, why) end
    return answer
  end
  redis.register_function({ function_name = PREFIX .. name, callback = call, flags = { flag } })
end
`;

const parts = [
  registerLua,
  claimLua,
  identityLua,
  queueLua,
  storeLua,
  leaseLua,
  waitLua,
  settleLua,
  subscriptionLua,
  readLua,
  planLua,
  ledgerLua,
  retentionLua,
];
const body = parts.join('');
/** Every command that a function may call, as whoever calls the function must be allowed to. */
export const serverCommands: readonly string[] = [
  ...new Set([...body.matchAll(/redis\.call\('([A-Z]+)'/g)].map(([, command]) => `${command}`.toLowerCase())),
].toSorted();
const code = `local COMMANDS = { ${serverCommands.map((command) => `'${command}'`).join(', ')} }\n${body}`;
const library = `guildwire_${createHash('sha256').update(code).digest('hex').slice(0, 12)}`;

/** What FUNCTION LOAD takes. */
export const libraryCode = `#!lua name=${library}\nlocal PREFIX = '${library}_'\n${code}`;

/** The functions that only read, which may be called on a replica. */
const readers: ReadonlySet<string> = new Set([
  'registry',
  'horizon',
  'read_topics',
  'read_index',
  'read_references',
  'topics_of',
  'topic_names',
  'topics',
  'plan_next',
  'state',
  'progress',
  'fates',
  'stats',
  'abandoned',
  'swept_names',
]);

/** The name of a function on the server. */
export const functionName = (name: string): string => `${library}_${name}`;

export const isReader = (name: string): boolean => readers.has(name);
