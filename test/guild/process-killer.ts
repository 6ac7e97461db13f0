import {
  type Agent,
  type Backend,
  defineAgent,
  defineGuild,
  genericJson,
  type StartOptions,
  startGuild,
} from 'guildwire';
import type { Lease, LeaseRequest } from '../../lib/backends/backend.ts';
import { FragileBackend } from '../../lib/testing/chaos/fragile-backend.ts';
import { borrowed, deadLettersOf } from './lab.ts';

/** More processes than it takes, also where some of them are slow. */
const MAX_PROCESSES = 40;

/** The store as one process reaches it, until that dies. */
class Process extends FragileBackend {
  readonly #leaseMs: number;

  constructor(store: Backend, leaseMs: number) {
    super(borrowed(store));
    this.#leaseMs = leaseMs;
  }

  override lease(request: LeaseRequest) {
    return super.lease({ ...request, leaseMs: this.#leaseMs });
  }

  override extend(leases: readonly Lease[]) {
    return super.extend(leases, this.#leaseMs);
  }
}

export interface KillerOptions {
  /** The attempts of each agent by its name; the first one has the message that ends its process. */
  readonly attempts: Readonly<Record<string, number>>;
  readonly store: Backend;
  readonly leaseMs: number;
  readonly start: Pick<StartOptions, 'log' | 'clock'>;
  /** Lets start what can start. */
  readonly pause: () => Promise<void>;
  /** Lets everything end that can end. */
  readonly quiet: () => Promise<void>;
  /** Lets the leases of a dead process run out. */
  readonly outlive: () => Promise<void>;
}

/**
 * Has one message end its process again and again, beside others of its agent and of another one.
 *
 * @returns What was handled, and what became a dead letter.
 */
export async function runKiller({ attempts, store, leaseMs, start, ...way }: KillerOptions) {
  const { pause, quiet, outlive } = way;
  const handled: unknown[] = [];
  const kills: unknown[] = [];
  let process = new Process(store, leaseMs);
  const agentOf = ([name, most]: readonly [string, number]): Agent =>
    defineAgent({
      name,
      entry: import.meta.url,
      subscribes: [name],
      retry: { attempts: most, baseMs: 0, maxMs: 0 },
      handlers: (on) => [
        on.any(async (payload) => {
          const own = process;
          await pause();
          if (payload === 'killer') {
            kills.push(payload);
            own.down();
          }
          // Longer than it takes until the killer has started as well.
          await pause();
          if (own.isDown) await new Promise(() => {});
          handled.push(payload);
        }),
      ],
    });
  const agents = Object.entries(attempts).map(agentOf);
  const guild = defineGuild({ name: 'killer', agents, allowUndeclared: true });
  const launch = (backend: Backend) => startGuild(guild, { ...start, backend: () => backend });
  await using outside = await launch(borrowed(store));
  await outside.drain();
  for (const [index, { name }] of agents.entries()) {
    const payloads = [`${name} 1`, index === 0 ? 'killer' : `${name} 2`, `${name} 3`];
    for (const payload of payloads) await outside.publish(name, genericJson, payload);
  }

  const letters = async () => (await Promise.all(agents.map(({ name }) => deadLettersOf(outside, name)))).flat();
  const isOver = async () => handled.length + (await letters()).length >= 3 * agents.length;
  for (let started = 0; started < MAX_PROCESSES && !(await isOver()); started++) {
    process = new Process(store, leaseMs);
    const running = await launch(process);
    await quiet();
    const drained = running.drain(0);
    await outlive();
    await drained;
  }
  return {
    handled: handled.toSorted(),
    kills: kills.length,
    letters: (await letters()).map(({ original, reason }) => [original?.payload, reason]),
  };
}
