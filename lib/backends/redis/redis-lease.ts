/** @module A delivery in the hands of one consumer. */
import { decodeMessage } from '../../core/codec.ts';
import { InvalidArgumentError, UndecodableError } from '../../core/errors.ts';
import type { Fault } from '../../core/fault.ts';
import type { GemstoneId } from '../../core/gemstone-id.ts';
import type { Message, MessageKey } from '../../core/message.ts';
import type { Lease, LeaseToken, Spend } from '../backend.ts';
import { bytes, number, type Reply, text } from './reply.ts';

export class RedisLease implements Lease {
  readonly agent: string;
  readonly namespace: string;
  /** As the store names the delivery: id/topic/epoch. */
  readonly delivery: string;
  readonly token: LeaseToken;
  until: number;
  readonly message: Message | undefined;
  readonly raw: Uint8Array | undefined;
  readonly key: MessageKey;
  readonly attemptsBefore: number;
  readonly firstAttemptAt: number;
  readonly returned: boolean;
  readonly epoch: number;
  readonly cause: Lease['cause'];
  readonly spent: Spend;
  /** One for each failed attempt. */
  readonly faults: readonly Fault[];
  /** At most once: acknowledged when it was started. */
  isAcknowledged: boolean;

  /** @param given What the function `lease` hands out. */
  constructor(namespace: string, agent: string, until: number, given: readonly Reply[]) {
    const [delivery, token, body, attempts, marks, first, returned, cause, usd, tokens, faults, acknowledged] = given;
    this.namespace = namespace;
    this.agent = agent;
    this.until = until;
    this.delivery = text(delivery);
    this.token = text(token) as LeaseToken;
    const slash = this.delivery.lastIndexOf('/');
    this.epoch = Number(this.delivery.slice(slash + 1));
    this.key = { id: this.delivery.slice(0, 26) as GemstoneId, topic: this.delivery.slice(27, slash) };
    const stored = bytes(body) ?? new Uint8Array();
    this.message = decoded(stored, namespace, this.key);
    this.raw = this.message === undefined ? new Uint8Array(stored) : undefined;
    this.attemptsBefore = number(attempts) + number(marks);
    this.firstAttemptAt = number(first);
    this.returned = number(returned) === 1;
    this.cause = text(cause) === '' ? 'published' : (text(cause) as Lease['cause']);
    this.spent = { usd: number(usd), tokens: number(tokens) };
    this.faults = JSON.parse(`[${text(faults)}]`) as Fault[];
    this.isAcknowledged = number(acknowledged) === 1;
  }

  /** @throws InvalidArgumentError for a lease of another backend. */
  static of(lease: Lease): RedisLease {
    if (lease instanceof RedisLease) return lease;
    throw new InvalidArgumentError([
      { field: 'lease', problem: 'was not handed out by this backend: pass it as it came' },
    ]);
  }
}

function decoded(stored: Uint8Array, namespace: string, key: MessageKey): Message | undefined {
  try {
    return decodeMessage(stored, namespace, key);
  } catch (error) {
    if (error instanceof UndecodableError) return undefined;
    throw error;
  }
}
