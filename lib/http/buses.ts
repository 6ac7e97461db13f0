/** @module A bus for each principal and namespace, since what is published is sent by whoever asked. */

import type { Backend } from '../backends/backend.ts';
import { Bus, type BusOptions } from '../bus/bus.ts';
import type { Principal } from './authenticate.ts';

const MAX_BUSES = 1_000;

export class Buses {
  readonly #backend: Backend;
  readonly #options: Omit<BusOptions, 'namespace' | 'sender'>;
  /** By principal, then by namespace. */
  readonly #buses = new Map<string, Map<string, Bus>>();
  #count = 0;

  constructor(backend: Backend, options: Omit<BusOptions, 'namespace' | 'sender'>) {
    this.#backend = backend;
    this.#options = options;
  }

  of(namespace: string, { id }: Principal): Bus {
    return this.#buses.get(id)?.get(namespace) ?? this.#make(namespace, id);
  }

  #make(namespace: string, id: string): Bus {
    // A bus holds nothing but what it has learned of topics, so it can be made again at any time.
    if (this.#count++ % MAX_BUSES === MAX_BUSES - 1) this.#buses.clear();
    const bus = new Bus(this.#backend, { ...this.#options, namespace, sender: `user:${id}` });
    const own = this.#buses.get(id) ?? new Map<string, Bus>();
    this.#buses.set(id, own.set(namespace, bus));
    return bus;
  }
}
