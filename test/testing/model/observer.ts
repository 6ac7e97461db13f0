import { type Backend, effectiveKey, type Lease, type Message, type Settlement } from 'guildwire';
import { altered } from '../altered.ts';

/** A settlement that ended a delivery, as the backend confirmed it. */
export interface Ending {
  readonly delivery: string;
  readonly agent: string;
  readonly message: Message;
  readonly settlement: Settlement;
  /** When, among all that was observed. */
  readonly at: number;
  /** Unix ms. */
  readonly time: number;
}

export const deliveryOf = (agent: string, { topic, id }: Pick<Message, 'topic' | 'id'>) => `${agent} ${topic}/${id}`;

/** Stands between chaos and the backend, and so sees what the backend really does. */
export class Observer {
  readonly backend: Backend;
  readonly endings: Ending[] = [];
  readonly handedOut = new Set<string>();
  /** What may never happen at all, as it happened. */
  readonly violations: string[] = [];
  readonly #now: () => number;
  readonly #orderedAgents: ReadonlySet<string>;
  /** Until when a delivery, or a key, is in somebody's hands. */
  readonly #held = new Map<string, { readonly lease: Lease; until: number }>();
  readonly #paused = new Set<string>();
  #events = 0;

  constructor(inner: Backend, now: () => number, orderedAgents: ReadonlySet<string>) {
    this.#now = now;
    this.#orderedAgents = orderedAgents;
    this.backend = altered(inner, {
      lease: async (request) => {
        const leases = await inner.lease(request);
        for (const lease of leases) this.#take(lease);
        return leases;
      },
      extend: async (leases, leaseMs) => {
        const outcomes = await inner.extend(leases, leaseMs);
        for (const [index, lease] of leases.entries()) {
          const outcome = outcomes[index];
          if (outcome?.ok)
            for (const name of this.#namesOf(lease)) this.#held.set(name, { lease, until: outcome.until });
        }
        return outcomes;
      },
      pause: async (namespace, agent, isPaused) => {
        await inner.pause(namespace, agent, isPaused);
        if (isPaused) this.#paused.add(agent);
        else this.#paused.delete(agent);
      },
      settle: async (settlements) => {
        const at = this.event();
        const outcomes = await inner.settle(settlements);
        for (const [index, settlement] of settlements.entries()) {
          if (outcomes[index]?.ok) this.#end(settlement, at + index / settlements.length);
        }
        return outcomes;
      },
    });
  }

  /** The place of now among all that is observed. */
  event(): number {
    return ++this.#events;
  }

  #take(lease: Lease): void {
    const message = lease.message as Message;
    const delivery = deliveryOf(lease.agent, message);
    const now = this.#now();
    this.handedOut.add(delivery);
    if ((message.deliverAt ?? 0) > now) this.violations.push(`D11 ${delivery} came early`);
    if (this.#paused.has(lease.agent)) this.violations.push(`D17 ${delivery} was handed out during a pause`);
    for (const name of this.#namesOf(lease)) {
      const other = this.#held.get(name);
      if (other !== undefined && other.until > now)
        this.violations.push(`D1/D4 ${delivery} was handed out while ${name} was in other hands`);
      this.#held.set(name, { lease, until: lease.until });
    }
  }

  #end(settlement: Settlement, at: number): void {
    const { lease, kind } = settlement;
    const message = lease.message as Message;
    for (const name of this.#namesOf(lease)) this.#held.delete(name);
    if (kind === 'retry' || kind === 'released') return;
    const { agent } = lease;
    this.endings.push({ delivery: deliveryOf(agent, message), agent, message, settlement, at, time: this.#now() });
  }

  #namesOf({ agent, message }: Lease): readonly string[] {
    const names = [deliveryOf(agent, message as Message)];
    if (this.#orderedAgents.has(agent)) names.push(`${agent} key ${effectiveKey(message as Message)}`);
    return names;
  }
}
