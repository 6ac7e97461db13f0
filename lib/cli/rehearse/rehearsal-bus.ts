/** @module The bus of a rehearsal: publishes and reads through its HTTP API, as a program outside would. */
import type { Bus } from '../../bus/bus.ts';
import type { TailQuery } from '../../bus/history-query.ts';
import { type Message, toReference } from '../../core/message.ts';
import type { Client } from '../../http/client/client.ts';
import { UsageError } from '../failure.ts';

/** As much of a bus as an API has. */
type ApiBus = Pick<
  Bus,
  | 'namespace'
  | 'publish'
  | 'publishMany'
  | 'read'
  | 'get'
  | 'topics'
  | 'stats'
  | 'explain'
  | 'pause'
  | 'resume'
  | 'plan'
  | 'runPlan'
  | 'tail'
>;

/**
 * What an API does not have, such as waiting for an answer, throws UsageError.
 *
 * @param settled Resolves when nothing is under way any more. A tail waits for that and gives what was said since, so that
 *   reading does not count among what the guild did; it ends when nothing more is said.
 */
export function rehearsalBus(client: Client, settled: () => Promise<void>): Bus {
  const bus: ApiBus = {
    namespace: client.namespace,
    publish: (topics, format, payload, options) => client.publish(topics, format, payload, options),
    publishMany: (entries) => client.publishMany(entries),
    read: (query) => client.read(query),
    get: (references) => client.get(references),
    topics: () => client.topics(),
    stats: () => client.stats(),
    explain: (reference) => client.explain(reference),
    pause: (agent) => client.pause(agent),
    resume: (agent) => client.resume(agent),
    plan: (plan) => client.plan(plan),
    runPlan: (id, options) => client.runPlan(id, options),
    tail: (query) => told(client, query, settled),
  };
  return new Proxy(bus, {
    get(target, name) {
      if (name in target || name === 'then' || typeof name === 'symbol') return Reflect.get(target, name);
      throw new UsageError(
        `a rehearsal has no bus.${name}: what a guild file exports as \`run\` works over the HTTP API there`,
      );
    },
  }) as Bus;
}

async function* told(
  client: Client,
  query: TailQuery,
  settled: () => Promise<void>,
): AsyncGenerator<Message, void, undefined> {
  const seen = new Set<string>();
  for (let isNew = true; isNew; ) {
    isNew = false;
    await settled();
    for await (const message of client.history(query)) {
      const reference = toReference(message);
      if (seen.has(reference)) continue;
      seen.add(reference);
      isNew = true;
      yield message;
    }
  }
}
