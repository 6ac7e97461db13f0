/**
 * @module What lies in the queue that feeds the relay again: names of messages in the log, which are not yet due, or may not
 * have been relayed. The messages themselves are read when it is time.
 */
import { type GemstoneId, isGemstoneId } from '../../../core/gemstone-id.ts';
import { MAX_NAMESPACE, nameProblem, topicProblem } from '../../../core/topic.ts';

export interface HeldBack {
  readonly namespace: string;
  readonly topic: string;
  /** In their order; at most 100. */
  readonly ids: readonly GemstoneId[];
  /** Unix ms before which they are not relayed. */
  readonly until?: number;
}

const VERSION = 1;
/** SQS delays a message by 15 minutes at most; what has to wait longer is sent again. */
export const MAX_DELAY_S = 900;
/** What one entry names: 2.7 KB. */
export const MAX_HELD = 100;

export const encodeHeldBack = (held: HeldBack): string => JSON.stringify({ v: VERSION, ...held });

/** Undefined if it is none. */
export function decodeHeldBack(body: string): HeldBack | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { v, namespace, topic, ids, until } = parsed as Record<string, unknown>;
  const isEntry =
    v === VERSION &&
    nameProblem(namespace, MAX_NAMESPACE) === undefined &&
    topicProblem(topic) === undefined &&
    Array.isArray(ids) &&
    ids.length <= MAX_HELD &&
    ids.every(isGemstoneId) &&
    (until === undefined || Number.isSafeInteger(until));
  return isEntry ? (parsed as HeldBack) : undefined;
}

/** Seconds that SQS should wait: until it is due and no earlier, or as long as it can. */
export function delayOf(until: number, now: number): number {
  return Math.min(MAX_DELAY_S, Math.max(0, Math.ceil((until - now) / 1_000)));
}
