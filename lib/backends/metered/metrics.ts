/** @module What a process counts of its work, by topic and agent, for Prometheus. */
import type { DeadReason, Lease, Settlement } from '../backend.ts';
import { Counter, Histogram, type Shows } from './series.ts';

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const MAX_NAMESPACES = 100;
/** Dead letters for these reasons had their handler run. */
const HANDLED: ReadonlySet<DeadReason> = new Set(['failed', 'permanent', 'crashed']);

const byAgent = ['namespace', 'agent', 'topic'] as const;
const deliveries = (name: string, help: string, ...labels: readonly string[]) =>
  new Counter({ name: `guildwire_deliveries_${name}_total`, help, labels: [...byAgent, ...labels] });

/**
 * Counters of one process, from its start. Each tells at most 1,000 combinations of labels apart; further ones are counted
 * together, under `_other`.
 */
export class Metrics {
  /** Namespaces in which this process works agents off. */
  readonly namespaces = new Set<string>();
  readonly #published = new Counter({
    name: 'guildwire_messages_published_total',
    help: 'Messages stored through this process, under each of their topics.',
    labels: ['namespace', 'topic'],
  });
  readonly #delivered = deliveries('delivered', 'Deliveries that this process took.');
  readonly #handled = deliveries('handled', 'Deliveries whose handler was done.');
  readonly #failed = deliveries('failed', 'Attempts whose handler failed.');
  readonly #retried = deliveries('retried', 'Attempts that failed and come again.');
  readonly #deadLettered = deliveries('dead_lettered', 'Deliveries that became dead letters.', 'reason');
  readonly #dropped = deliveries('dropped', 'Deliveries that ended without their handler.', 'reason');
  readonly #released = deliveries('released', 'Deliveries that were handed back without an attempt.');
  readonly #seconds = new Histogram(
    {
      name: 'guildwire_handler_seconds',
      help: 'From a delivery being taken to its attempt being settled.',
      labels: byAgent,
    },
    BUCKETS,
  );

  published(namespace: string, topics: readonly string[]): void {
    for (const topic of topics) this.#published.add(namespace, labelOf(topic));
  }

  delivered({ namespace, agent, key }: Lease): void {
    this.#delivered.add(namespace, agent, labelOf(key?.topic));
  }

  /** @param seconds Since the delivery was taken; undefined if that is not known. */
  settled(settlement: Settlement, seconds: number | undefined): void {
    const { namespace, agent, key } = settlement.lease;
    const topic = labelOf(key?.topic);
    switch (settlement.kind) {
      case 'dropped':
        this.#dropped.add(namespace, agent, topic, settlement.reason);
        return;
      case 'released':
        this.#released.add(namespace, agent, topic);
        return;
      case 'completed':
        this.#handled.add(namespace, agent, topic);
        for (const { message } of settlement.outputs) this.published(namespace, message.topics);
        break;
      case 'retry':
        this.#failed.add(namespace, agent, topic);
        this.#retried.add(namespace, agent, topic);
        break;
      case 'dead':
        this.#deadLettered.add(namespace, agent, topic, settlement.reason);
        if (!HANDLED.has(settlement.reason)) return;
        this.#failed.add(namespace, agent, topic);
    }
    if (seconds !== undefined) this.#seconds.observe(seconds, namespace, agent, topic);
  }

  /** Remembers where this process works, 100 namespaces at most. */
  worksIn(namespace: string): void {
    if (this.namespaces.size < MAX_NAMESPACES) this.namespaces.add(namespace);
  }

  /** All counters in the text format of Prometheus, a line each. */
  lines(shows: Shows = () => true): readonly string[] {
    const counters = [this.#published, this.#delivered, this.#handled, this.#failed, this.#retried];
    return [...counters, this.#deadLettered, this.#dropped, this.#released, this.#seconds].flatMap((series) =>
      series.lines(shows),
    );
  }
}

/** Every request has a reply topic of its own; they are counted together. */
function labelOf(topic: string | undefined): string {
  if (topic === undefined) return '';
  return topic.startsWith('$reply.') ? '$reply' : topic;
}
