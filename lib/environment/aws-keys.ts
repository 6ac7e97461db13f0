/**
 * @module The partition keys of the two tables, and the parts of them that permissions are bound to
 * (`dynamodb:LeadingKeys`): what a role may touch is decided by how a key begins.
 */

/** Of the Messages table; its sort key is the id. */
export const messageKey = (namespace: string, topic: string, shard: number): string => `${namespace}#${topic}#${shard}`;
/** Key of the index `byThread`. */
export const threadKey = (namespace: string, root: string): string => `${namespace}#${root}`;
/** Key of the index `byConversation`. */
export const conversationKey = (namespace: string, conversation: string): string => `${namespace}#${conversation}`;

export const THREAD_INDEX = 'byThread';
export const CONVERSATION_INDEX = 'byConversation';

/** How keys of the Ledger table begin; a `#` and more may follow, and the sort key is free for each kind of row. */
export const ledgerKey = {
  /** All that is one agent's own: done records, attempts, start marks, leases, state, its pause switch. */
  agent: (namespace: string, agent: string) => `${namespace}#agent#${agent}`,
  /** Idempotency keys and effects, by hash. */
  idempotency: (namespace: string, hash: string) => `${namespace}#idem#${hash}`,
  /** What the descendants of a root have spent. */
  spend: (namespace: string, root: string) => `${namespace}#spend#${root}`,
  /** What became of the deliveries of a root's descendants; only with tracing. */
  trail: (namespace: string, root: string) => `${namespace}#trail#${root}`,
  /** The topics in use, by name; the relay writes it. */
  topics: (namespace: string) => `${namespace}#topics`,
  /** Dead letters neither redriven nor discarded, by agent. */
  dead: (namespace: string, agent: string) => `${namespace}#dead#${agent}`,
  /** Plans and their chunks. */
  plan: (namespace: string, plan: string) => `${namespace}#plan#${plan}`,
  /** Plans that were begun and are not finished, each a row. */
  openPlans: (namespace: string) => `${namespace}#plan#open`,
  /** Pause switches that were set, and which the agents' event sources may not follow yet, each a row. */
  switched: (namespace: string) => `${namespace}#switched`,
} as const;

/** Of the Ledger table as well, and of no namespace: agents whose event sources may be off, each in one row or more. */
export const TURNED_OFF_KEY = '#off';

/** The attributes that both tables have in common; `ttl` is Unix seconds. */
export const tableAttributes = {
  partition: 'pk',
  sort: 'sk',
  ttl: 'ttl',
  thread: 'thread',
  conversation: 'conversation',
} as const;
