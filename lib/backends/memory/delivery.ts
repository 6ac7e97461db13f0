/** @module One message on its way to one subscription, and one handing-out of it. */

import type { Fault } from '../../core/fault.ts';
import type { GemstoneId } from '../../core/gemstone-id.ts';
import type { Message, MessageKey } from '../../core/message.ts';
import type { Closable } from '../../core/open-list.ts';
import type { Lease, LeaseToken, Spend } from '../backend.ts';
import type { Thread } from './thread.ts';

const NOTHING_SPENT: Spend = Object.freeze({ usd: 0, tokens: 0 });
const NO_FAULTS: readonly Fault[] = Object.freeze([]);

/** Lives from the step that stored the message until the step that settles it for good; its thread counts it as open. */
export class Delivery {
  readonly message: Message | undefined;
  readonly raw: Uint8Array | undefined;
  readonly key: MessageKey;
  readonly bytes: number;
  /** Undefined for bytes that are no message. */
  thread: Thread | undefined;
  readonly epoch: number;
  readonly cause: Lease['cause'];
  /** One for each failed attempt. */
  faults: readonly Fault[] = NO_FAULTS;
  firstAttemptAt = 0;
  returned = false;
  /** Starts without an outcome (D6). */
  marks = 0;
  /** Holds the place of its key (D4); false where there is no order. */
  isHead = false;
  /** Unix ms; while delayed or due for retry. */
  dueAt = 0;
  /** Waits as a timer, and is counted as one. */
  isTimer = false;

  /** @param content The message, or the bytes that are none. */
  constructor(
    key: MessageKey,
    content: Message | Uint8Array,
    bytes: number,
    thread: Thread | undefined,
    epoch = 0,
    cause: Lease['cause'] = 'published',
  ) {
    this.key = key;
    this.thread = thread;
    this.epoch = epoch;
    this.cause = cause;
    if (thread !== undefined) thread.open++;
    this.message = content instanceof Uint8Array ? undefined : content;
    this.raw = content instanceof Uint8Array ? content : undefined;
    this.bytes = bytes;
  }

  /** From now on it is that thread that counts it; what was spent so far goes with it. */
  moveTo(thread: Thread): void {
    if (this.thread !== undefined) thread.spent = this.thread.spent;
    this.thread = thread;
    thread.open++;
    if (this.isTimer) thread.timers++;
  }

  get id(): GemstoneId {
    return this.key.id;
  }
}

/** A delivery in the hands of one consumer. */
export class MemoryLease implements Lease, Closable {
  /** Until it is settled, taken over or forgotten. */
  isOpen = true;
  readonly agent: string;
  readonly namespace: string;
  until: number;
  readonly delivery: Delivery;
  readonly attemptsBefore: number;
  readonly returned: boolean;
  /** Its start was marked, so its outcome takes the mark away. */
  isMarked = false;
  /** At most once: acknowledged when it was started, and never handed out again. */
  isAcknowledged = false;

  constructor(agent: string, namespace: string, until: number, delivery: Delivery) {
    this.agent = agent;
    this.namespace = namespace;
    this.until = until;
    this.delivery = delivery;
    this.attemptsBefore = delivery.faults.length + delivery.marks;
    this.returned = delivery.returned;
  }

  /** In one process the object itself is the proof; its name is only for logs. */
  get token(): LeaseToken {
    return `${this.namespace}/${this.agent}/${this.key.topic}/${this.key.id}@${this.until}` as LeaseToken;
  }

  get message(): Message | undefined {
    return this.delivery.message;
  }

  get raw(): Uint8Array | undefined {
    return this.delivery.raw;
  }

  get key(): MessageKey {
    return this.delivery.key;
  }

  get firstAttemptAt(): number {
    return this.delivery.firstAttemptAt;
  }

  get epoch(): number {
    return this.delivery.epoch;
  }

  get cause(): Lease['cause'] {
    return this.delivery.cause;
  }

  /** When it is asked for, which is before the start. */
  get spent(): Spend {
    return this.delivery.thread?.spent ?? NOTHING_SPENT;
  }
}
