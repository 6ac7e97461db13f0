/** @module What a backend brings to the conformance suite. */
import type { Backend, Subscription } from '../../backends/backend.ts';
import type { Clock } from '../../core/clock.ts';
import type { MessageKey } from '../../core/message.ts';

/** Made anew for each test, with a seed that is printed when the test fails. */
export interface Harness {
  /** A backend on which these subscriptions may be made; nothing of an earlier test is in their namespaces. */
  open(subscriptions: readonly Subscription[]): Promise<Backend>;
  /** What the suite counts time in, in ms: long against the backend's own delays, short against a test's patience. */
  readonly unitMs: number;
  /** Lets that much time pass: at once on a virtual clock, by waiting on a real one. */
  advance(units: number): Promise<void>;
  /** Resolves when everything that can happen now has happened. */
  quiet(): Promise<void>;
  /** The clock that agents run on. */
  readonly clock: Clock;
  /** Numbers in [0, 1), from the seed. */
  readonly random: () => number;
  /** Takes the store of the backend away, or brings it back (O1). */
  setReachable(backend: Backend, isReachable: boolean): Promise<void>;
  /** How many units it takes at most, after the store was taken away or came back, until everybody has noticed. @default 120 */
  readonly recoveryUnits?: number;
  /** Puts bytes that are no message where a message of that key would lie on its way to whoever follows the topic (D15). */
  deliverRaw(backend: Backend, namespace: string, key: MessageKey, raw: Uint8Array): Promise<void>;
}

export type CreateHarness = (seed: number) => Harness;
