/** @module Consumers that wait for a first delivery, in the order in which they came. */
import type { Lease, LeaseRequest } from '../backend.ts';

interface Waiter {
  readonly request: LeaseRequest;
  readonly until: number;
  readonly resolve: (leases: readonly Lease[]) => void;
}

export class LeaseWaiters {
  readonly #watched = new WeakSet<AbortSignal>();
  #waiters: Waiter[] = [];

  get size(): number {
    return this.#waiters.length;
  }

  /** @param until Unix ms at which `releaseUntil` lets it go. */
  add(request: LeaseRequest, until: number): Promise<readonly Lease[]> {
    if (request.signal !== undefined) this.#watch(request.signal);
    return new Promise((resolve) => this.#waiters.push({ request, until, resolve }));
  }

  /** Hands something to the first. */
  serve(handOut: (request: LeaseRequest) => readonly Lease[]): void {
    const first = this.#waiters.shift();
    first?.resolve(handOut(first.request));
  }

  /** Lets those go whose time is over; the earliest time of the others. */
  releaseUntil(now: number): number {
    this.#release(({ until }) => until <= now);
    return this.#waiters.reduce((earliest, { until }) => Math.min(earliest, until), Number.POSITIVE_INFINITY);
  }

  releaseAll(): void {
    this.#release(() => true);
  }

  #watch(signal: AbortSignal): void {
    if (this.#watched.has(signal)) return;
    this.#watched.add(signal);
    signal.addEventListener('abort', () => this.#release(({ request }) => request.signal === signal), { once: true });
  }

  #release(isOver: (waiter: Waiter) => boolean): void {
    const over = this.#waiters.filter(isOver);
    if (over.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !isOver(waiter));
    for (const { resolve } of over) resolve([]);
  }
}
