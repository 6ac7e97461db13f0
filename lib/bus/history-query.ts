/** @module What a program asks of the history, and the port's query for it. */
import type { Cursor, ReadQuery, Where } from '../backends/backend.ts';
import { type FieldFault, InvalidArgumentError } from '../core/errors.ts';
import {
  firstIdOf,
  type GemstoneId,
  gemstoneIdProblem,
  isGemstoneId,
  lastIdOf,
  type Priority,
} from '../core/gemstone-id.ts';
import { priorityRule } from '../core/message-rules.ts';
import { show } from '../core/show.ts';
import { MAX_AGENT_NAME, nameProblem, patternProblem, topicProblem } from '../core/topic.ts';

/** One of `topic`, `pattern`, `thread`, `conversation`, `agent` and `deadLettersOf` says which messages. */
export interface HistoryQuery {
  readonly topic?: string;
  readonly pattern?: string;
  /** Everything that descends from this root, over all topics, the root included. */
  readonly thread?: GemstoneId;
  readonly conversation?: string;
  /** Everything on the topics that the agent follows. */
  readonly agent?: string;
  /** The agent's dead letters that were neither redriven nor discarded. */
  readonly deadLettersOf?: string;
  /** By id, which is by time. @default 'asc' */
  readonly order?: 'asc' | 'desc';
  /** Unix ms or an id, inclusive. @default - from the beginning */
  readonly since?: number | GemstoneId;
  /** Unix ms or an id, inclusive. @default - to the end */
  readonly until?: number | GemstoneId;
  /** 1 to 1,000. @default 100 */
  readonly limit?: number;
  /** `next` of the page before; only for the same query. @default - the first page */
  readonly after?: Cursor;
  readonly format?: string;
  /** The sender's id. */
  readonly sender?: string;
  readonly priority?: Priority;
}

const MAX_LIMIT = 1_000;
const DEFAULT_LIMIT = 100;

type Check = (value: unknown) => string | undefined;
const isText: Check = (value) =>
  typeof value === 'string' && value !== '' ? undefined : `got ${show(value)}: allowed is text`;
const isAgent: Check = (value) => nameProblem(value, MAX_AGENT_NAME);
const isPoint: Check = (value) => {
  if (isGemstoneId(value) || (Number.isSafeInteger(value) && (value as number) >= 0)) return undefined;
  return `got ${show(value)}: allowed is a Unix time in ms or a gemstone ID`;
};

const places = {
  topic: topicProblem,
  pattern: patternProblem,
  thread: gemstoneIdProblem,
  conversation: isText,
  agent: isAgent,
  deadLettersOf: isAgent,
} as const satisfies Record<string, Check>;

const rules: Readonly<Record<string, Check>> = {
  ...places,
  order: (value) => (value === 'asc' || value === 'desc' ? undefined : `got ${show(value)}: allowed are asc and desc`),
  since: isPoint,
  until: isPoint,
  limit: (value) =>
    Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_LIMIT
      ? undefined
      : `got ${show(value)}: allowed is a whole number from 1 to ${MAX_LIMIT}`,
  after: isText,
  format: isText,
  sender: isText,
  priority: priorityRule,
};

/** What a tail follows: a history query without pages or an end. */
export type TailQuery = Omit<HistoryQuery, 'order' | 'until' | 'limit' | 'after'>;

/**
 * The port's query.
 *
 * @throws InvalidArgumentError with every fault.
 */
export function toReadQuery(namespace: string, query: HistoryQuery): ReadQuery {
  if (typeof query !== 'object' || query === null) {
    throw new InvalidArgumentError([{ field: 'query', problem: `got ${show(query)}: allowed is an object` }]);
  }
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const faults: FieldFault[] = [];
  for (const [field, value] of given) {
    const check = Object.hasOwn(rules, field) ? rules[field] : undefined;
    const problem = check === undefined ? `is unknown: allowed are ${Object.keys(rules).join(', ')}` : check(value);
    if (problem !== undefined) faults.push({ field, problem });
  }
  const named = given.filter(([field]) => Object.hasOwn(places, field));
  if (named.length !== 1) {
    const got = named.map(([field]) => field).join(' and ') || 'nothing';
    faults.push({ field: 'query', problem: `says ${got}: say exactly one of ${Object.keys(places).join(', ')}` });
  }
  if (faults.length > 0) throw new InvalidArgumentError(faults);
  const { since, until, after, format, sender, priority, order, limit = DEFAULT_LIMIT } = query;
  return {
    namespace,
    where: Object.fromEntries(named) as unknown as Where,
    order: order === 'desc' ? 'id-desc' : 'id',
    limit,
    ...(since !== undefined && { from: typeof since === 'number' ? firstIdOf(since) : since }),
    ...(until !== undefined && { to: typeof until === 'number' ? lastIdOf(until) : until }),
    ...(after !== undefined && { after }),
    filter: {
      ...(format !== undefined && { format }),
      ...(sender !== undefined && { sender }),
      ...(priority !== undefined && { priority }),
    },
  };
}
