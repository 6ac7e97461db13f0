/** @module Who may do what to the tables and the bucket, as data. Grants of `MessageLog` are made of these and nothing else. */
import { reservedRoots } from '../core/topic.ts';
import { ledgerKey, messageKey, TURNED_OFF_KEY } from '../environment/aws-keys.ts';

/** Those that the deployment serves; `dynamic` for any, which then only the code keeps apart. */
export type Namespaces = readonly string[] | 'dynamic';

export const readActions = ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query'] as const;
/** Of the Messages table: nothing that is there can be changed or removed with it. */
export const appendActions = ['dynamodb:PutItem'] as const;
export const ledgerActions = [
  ...readActions,
  'dynamodb:PutItem',
  'dynamodb:UpdateItem',
  'dynamodb:DeleteItem',
] as const;
/** Neither is bound to keys as the others are. */
export const deniedActions = [
  'dynamodb:Scan',
  'dynamodb:PartiQLSelect',
  'dynamodb:PartiQLInsert',
  'dynamodb:PartiQLUpdate',
  'dynamodb:PartiQLDelete',
] as const;
export const streamActions = [
  'dynamodb:DescribeStream',
  'dynamodb:GetRecords',
  'dynamodb:GetShardIterator',
  'dynamodb:ListStreams',
] as const;
export const consumeActions = [
  'sqs:ReceiveMessage',
  'sqs:DeleteMessage',
  'sqs:ChangeMessageVisibility',
  'sqs:GetQueueAttributes',
] as const;

/** Of a queue: how much waits in it, and nothing of what. */
export const countActions = ['sqs:GetQueueAttributes'] as const;

/** Of an event source mapping: turning it off and on, among all that can be changed of it. */
export const switchActions = ['lambda:UpdateEventSourceMapping'] as const;

const each = (namespaces: Namespaces) => (namespaces === 'dynamic' ? ['*'] : namespaces);

/** Partition keys, with `*` as IAM has it: it crosses the dots of a topic, so a pattern grants more than it names. */
export function messageKeys(namespaces: Namespaces, patterns: readonly string[]): readonly string[] {
  const topics = [...new Set(patterns.map((pattern) => pattern.replaceAll('**', '*')))];
  return each(namespaces).flatMap((namespace) =>
    topics.map((topic) => `${messageKey(namespace, topic, 0).slice(0, -1)}*`),
  );
}

/** Partition keys that IAM's wildcard would grant to who asks for topics that begin with one, and what of them stays granted. */
export interface DeniedKeys {
  readonly keys: readonly string[];
  readonly but: readonly string[];
}

/**
 * The topics of the platform that are not asked for: what begins with a wildcard names none of them. Each kind for itself, since
 * IAM looks at all keys of a call at once, and a transaction may name topics of several kinds, and others.
 */
export function unaskedKeys(namespaces: Namespaces, topics: readonly string[]): readonly DeniedKeys[] {
  const ofRoot = (root: string) => topics.filter((topic) => topic === root || topic.startsWith(`${root}.`));
  const open = reservedRoots.filter((root) => !topics.includes(root) && !topics.includes(`${root}.*`));
  const keyOf = (root: string) => `*#${root}*`;
  const unasked = { keys: open.filter((root) => ofRoot(root).length === 0).map(keyOf), but: [] };
  const partly = open
    .filter((root) => ofRoot(root).length > 0)
    .map((root) => ({ keys: [keyOf(root)], but: messageKeys(namespaces, ofRoot(root)) }));
  return [unasked, ...partly].filter(({ keys }) => keys.length > 0);
}

/** All partition keys of the namespaces, in either table and their indexes. */
export const namespaceKeys = (namespaces: Namespaces): readonly string[] =>
  each(namespaces).map((namespace) => `${namespace}#*`);

export const attachmentKeys = (namespaces: Namespaces): readonly string[] =>
  each(namespaces).map((namespace) => `${namespace}/*`);

/** What an agent writes besides the topics that it declares. */
export const ownTopics = (agent: string): readonly string[] => [
  '$inbox.*',
  '$reply.*',
  `$self.${agent}`,
  `$dead.${agent}`,
  '$errors',
];

/** Its own rows, and those that belong to nobody in particular. */
export function agentLedgerKeys(namespaces: Namespaces, agent: string): readonly string[] {
  return each(namespaces).flatMap((namespace) => [
    ...withMore(ledgerKey.agent(namespace, agent)),
    ...withMore(ledgerKey.dead(namespace, agent)),
    ledgerKey.idempotency(namespace, '*'),
    ledgerKey.spend(namespace, '*'),
    ledgerKey.trail(namespace, '*'),
  ]);
}

/** All rows of the namespaces, and those that are of none. */
export const operatorLedgerKeys = (namespaces: Namespaces): readonly string[] => [
  ...namespaceKeys(namespaces),
  TURNED_OFF_KEY,
];

/** Which topics are in use. */
export const topicLedgerKeys = (namespaces: Namespaces): readonly string[] =>
  each(namespaces).map((namespace) => ledgerKey.topics(namespace));

/** Which topics are in use, and where their messages went. */
export const relayLedgerKeys = (namespaces: Namespaces): readonly string[] => [
  ...topicLedgerKeys(namespaces),
  ...each(namespaces).map((namespace) => ledgerKey.trail(namespace, '*')),
];

/** A key, and what goes on behind it. */
const withMore = (key: string) => [key, `${key}#*`];
