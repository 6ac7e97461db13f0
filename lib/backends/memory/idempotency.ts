/** @module What was published before under the same key (P2), or by an earlier attempt of the same delivery (D9). */
import type { Clock } from '../../core/clock.ts';
import { deliveryKey } from '../../core/delivery-key.ts';
import { IdempotencyConflictError } from '../../core/errors.ts';
import type { GemstoneId } from '../../core/gemstone-id.ts';
import { type Json, sameJson } from '../../core/json.ts';
import type { Draft } from '../../core/message.ts';
import type { MemoryLease } from './delivery.ts';

const KEPT_MS = 24 * 3_600_000;
/** Longer than any attempt: one that lost its delivery may still be at work when another has ended it. */
const EFFECTS_KEPT_MS = 3_600_000;

export class Idempotency {
  /** In the order of `at`. */
  readonly #keys = new Map<string, { readonly id: GemstoneId; readonly payload: Json; readonly at: number }>();
  readonly #effects = new Map<string, Map<number, GemstoneId>>();
  /** Deliveries with effects that have ended, and when; in that order. */
  readonly #ended = new Map<string, number>();

  /** The id under which this was stored before, if it was. */
  find({ message, effect }: Draft, now: number): GemstoneId | undefined {
    if (effect !== undefined) return this.#effects.get(effect.delivery)?.get(effect.ordinal);
    return message.idempotencyKey === undefined ? undefined : this.#stored(message.idempotencyKey, now)?.id;
  }

  /** What keeps drafts that are to be stored together from it: a key that was used for another payload, here or before. */
  conflict(drafts: readonly Draft[], now: number): IdempotencyConflictError | undefined {
    const payloads = new Map<string, Json>();
    for (const { message, effect } of drafts) {
      const key = message.idempotencyKey;
      if (key === undefined || effect !== undefined) continue;
      const before = this.#stored(key, now)?.payload ?? payloads.get(key);
      if (before !== undefined && !sameJson(before, message.payload)) return new IdempotencyConflictError(key);
      payloads.set(key, message.payload);
    }
    return undefined;
  }

  remember({ message, effect }: Draft, id: GemstoneId, now: number): void {
    if (effect !== undefined) {
      const effects = this.#effects.get(effect.delivery) ?? new Map<number, GemstoneId>();
      this.#effects.set(effect.delivery, effects.set(effect.ordinal, id));
    } else if (message.idempotencyKey !== undefined) {
      this.#forgetOld(now);
      this.#keys.delete(message.idempotencyKey);
      this.#keys.set(message.idempotencyKey, { id, payload: message.payload, at: now });
    }
  }

  /** The delivery is settled for good; its effects are let go of later. */
  forget({ namespace, agent, key, epoch }: MemoryLease, clock: Clock): void {
    if (this.#effects.size === 0) return;
    const now = clock.now();
    for (const [delivery, at] of this.#ended) {
      if (at > now - EFFECTS_KEPT_MS) break;
      this.#ended.delete(delivery);
      this.#effects.delete(delivery);
    }
    const delivery = deliveryKey(namespace, agent, key, epoch);
    if (this.#effects.has(delivery)) this.#ended.set(delivery, now);
  }

  #stored(key: string, now: number): { readonly id: GemstoneId; readonly payload: Json } | undefined {
    const stored = this.#keys.get(key);
    return stored === undefined || now - stored.at >= KEPT_MS ? undefined : stored;
  }

  #forgetOld(now: number): void {
    for (const [key, { at }] of this.#keys) {
      if (now - at < KEPT_MS) return;
      this.#keys.delete(key);
    }
  }
}
