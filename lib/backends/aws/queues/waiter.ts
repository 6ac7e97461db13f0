/** @module A consumer that waits for deliveries: until some come, its time is over, or it no longer wants any. */
import type { LeaseRequest } from '../../backend.ts';
import type { AwsCalls } from '../calls/aws-calls.ts';
import type { AwsLease } from './aws-lease.ts';
import type { Received } from './received.ts';

export class Waiter {
  readonly request: LeaseRequest;
  readonly leases: Promise<readonly AwsLease[]>;
  /** Deliveries for it are being looked up, so it gets no more. */
  isServed = false;
  #isWaiting = true;
  readonly #giveUpAt: number;
  readonly #calls: AwsCalls;
  readonly #settle: { resolve(leases: readonly AwsLease[]): void; reject(error: unknown): void };
  readonly #leave: () => void;

  /** @param onGone Called when it has been given something, or wants nothing any more. */
  constructor(request: LeaseRequest, calls: AwsCalls, onGone: (waiter: Waiter) => void) {
    const { promise, resolve, reject } = Promise.withResolvers<readonly AwsLease[]>();
    this.request = request;
    this.leases = promise;
    this.#calls = calls;
    this.#settle = { resolve, reject };
    this.#giveUpAt = calls.clock.now() + request.waitMs;
    const end = () => this.give([]);
    const timer = this.isBrief ? undefined : calls.clock.setTimer(request.waitMs, end);
    request.signal?.addEventListener('abort', end, { once: true });
    const onClosing = () => this.fail(calls.closing.reason);
    calls.closing.addEventListener('abort', onClosing, { once: true });
    this.#leave = () => {
      timer?.cancel();
      request.signal?.removeEventListener('abort', end);
      calls.closing.removeEventListener('abort', onClosing);
      onGone(this);
    };
  }

  /** It takes what is there, and does not wait. */
  get isBrief(): boolean {
    return this.request.waitMs <= 0;
  }

  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  leftMs(): number {
    return Math.max(0, this.#giveUpAt - this.#calls.clock.now());
  }

  /** @param given How many it will get already. */
  takes({ entry }: Received, given: number): boolean {
    const { max, namespaces } = this.request;
    return this.#isWaiting && !this.isServed && given < max && namespaces.includes(entry.namespace);
  }

  give(leases: readonly AwsLease[]): void {
    if (!this.#isWaiting) return;
    this.#end();
    this.#settle.resolve(leases);
  }

  fail(error: unknown): void {
    if (!this.#isWaiting) return;
    this.#end();
    this.#settle.reject(error);
  }

  #end(): void {
    this.#isWaiting = false;
    this.#leave();
  }
}
