/** @module The message: what one publisher said once, immutable, and where it lies. */
import { InvalidArgumentError } from './errors.ts';
import { type GemstoneId, gemstoneIdProblem, type Priority } from './gemstone-id.ts';
import type { Json, JsonObject } from './json.ts';
import { show } from './show.ts';
import { topicProblem } from './topic.ts';

declare const brand: unique symbol;
/** Where a message is, as text: `topic/id`. */
export type Reference = string & { readonly [brand]: 'Reference' };

/** Where a message is. One id lies under each of the message's topics. */
export interface MessageKey {
  readonly topic: string;
  readonly id: GemstoneId;
}

export interface Sender {
  /** An agent's name, `user:<principal>`, or `platform:<part>` for what Guildwire itself writes. */
  readonly id: string;
  readonly name?: string;
}

/** One step on the way of a message: which agent published it while handling what. */
export interface ProcessEntry {
  readonly agent: string;
  /** The message that was being handled. */
  readonly origin: Reference;
  readonly topics: readonly string[];
  readonly reason?: string;
}

export interface Attachment {
  readonly bytes: number;
  /** Lower-case hexadecimal, of the payload's canonical JSON in UTF-8. */
  readonly sha256: string;
  /** Where the backend keeps it. */
  readonly location: string;
}

export interface Budget {
  readonly usd?: number;
  readonly tokens?: number;
}

/**
 * What is stored and delivered, deeply frozen. Its time and priority are in its id (`timeOf`, `priorityOf`). A message read
 * from a store may hold further fields, written by a newer version; they are kept when it is forwarded.
 */
export interface Message<Payload = Json> extends MessageKey {
  readonly namespace: string;
  /** All topics that were named; this copy lies under `topic`. */
  readonly topics: readonly string[];
  readonly sender: Sender;
  readonly format: string;
  readonly formatVersion: number;
  /** How the payload is written. */
  readonly encoding: 'json' | 'base64' | 'jwe';
  readonly payload: Payload;
  /** Says that the payload was too large to lie in the message; it was fetched all the same. */
  readonly attachment?: Attachment;
  /** As given; the effective ordering key is `effectiveKey(message)`. */
  readonly key?: string;
  /** Agents that the message is for, by name. */
  readonly recipients: readonly string[];
  readonly inReplyTo?: Reference;
  /** The root first, then the nearest seven ancestors; empty for a root. */
  readonly thread: readonly Reference[];
  readonly conversationId?: string;
  readonly correlationId?: string;
  readonly replyTo?: string;
  readonly forwardHeader?: { readonly origin: Reference; readonly onBehalfOf: Sender };
  /** The last 16 steps on the way. */
  readonly steps: readonly ProcessEntry[];
  readonly sessionState: JsonObject;
  readonly enrichWithHistory: number;
  /** Unix ms after which the message is neither delivered nor read. */
  readonly expiresAt?: number;
  /** Unix ms before which the message is not delivered. */
  readonly deliverAt?: number;
  readonly status?: 'running' | 'error' | 'completed';
  /** Generations from the root, which has 0. */
  readonly hops: number;
  readonly deadlineAt?: number;
  readonly budget?: Budget;
  readonly idempotencyKey?: string;
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A valid message on its way into the store, which gives it an id and a copy under each of its topics. */
export interface Draft {
  readonly message: Omit<Message, 'id' | 'topic' | 'attachment'>;
  readonly priority: Priority;
  /** What the payload weighs (`jsonBytes`). */
  readonly payloadBytes: number;
  /**
   * Makes this an effect of an attempt: stored at once, and the same `ordinal` of the same delivery finds the message again,
   * whatever its payload is then. Kept as long as the delivery can come back.
   */
  readonly effect?: { readonly delivery: string; readonly ordinal: number };
}

export const MAX_THREAD = 8;
export const MAX_STEPS = 16;

export const toReference = ({ topic, id }: MessageKey): Reference => `${topic}/${id}` as Reference;

/**
 * The topic and id that a reference names.
 *
 * @throws InvalidArgumentError if it is no `topic/id`.
 */
export function parseReference(text: string): MessageKey {
  const problem = referenceProblem(text);
  if (problem !== undefined) throw new InvalidArgumentError([{ field: 'reference', problem }]);
  const slash = text.indexOf('/');
  return { topic: text.slice(0, slash), id: text.slice(slash + 1) as GemstoneId };
}

/** What keeps `value` from being a reference, or undefined. */
export function referenceProblem(value: unknown): string | undefined {
  if (typeof value !== 'string' || !value.includes('/')) return `got ${show(value)}: a reference is topic/id`;
  const slash = value.indexOf('/');
  return topicProblem(value.slice(0, slash)) ?? gemstoneIdProblem(value.slice(slash + 1));
}

/** The id of the message that everything in this thread descends from; its own for a root. */
export function rootIdOf(message: Pick<Message, 'thread' | 'id'>): GemstoneId {
  const [root] = message.thread;
  return root === undefined ? message.id : (root.slice(root.indexOf('/') + 1) as GemstoneId);
}

/** What orders the message among others: its key, else its conversation, else its root. */
export function effectiveKey(message: Message): string {
  return message.key ?? message.conversationId ?? rootIdOf(message);
}

/** The thread of a message that is published while `parent` is handled: the root, and the nearest seven. */
export function childThread(parent: Message): readonly Reference[] {
  const thread = [...parent.thread, toReference(parent)];
  return thread.length <= MAX_THREAD ? thread : [thread[0] as Reference, ...thread.slice(1 - MAX_THREAD)];
}
