import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBackend, openBus } from 'guildwire';
import { seededRandom } from '../../lib/testing/random.ts';
import { RedisServer } from '../redis-server/redis-server.ts';
import { storeFaults } from '../redis-server/store-faults.ts';
import { Faults } from './faults.ts';
import { Fleet } from './fleet.ts';
import { agents, type Open, OpenDeliveries } from './open-deliveries.ts';
import { type Published, publishTasks } from './tasks.ts';
import { judge, type Verdict } from './verdict.ts';

export interface ChaosOptions {
  readonly seed: number;
  /** At least so many are published, and until each kind of fault has been there, */
  readonly messages: number;
  /** spread over at least so long. */
  readonly minMs: number;
  readonly guarantee: 'at-least-once' | 'exactly-once';
  /** A line now and then. */
  readonly say: (line: string) => void;
}

export interface ChaosOutcome extends Verdict {
  readonly accepted: number;
  readonly repeated: number;
  readonly deadLetters: number;
  readonly seconds: number;
  readonly faulted: Faults['counts'];
  readonly workers: Fleet['counts'];
  readonly surprises: readonly string[];
}

const WORKERS = 6;
/** So that all agents have something to do, and what a fault hits is spread over all of them. */
const MAX_OPEN = 3_000;
const LOOK_MS = 200;
const TELL_MS = 10_000;
/** Nothing is handed out again later than after the longest lease, and a store is away for seconds. */
const STALLED_MS = 60_000;
const NAMESPACE = 'chaos';
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];

/**
 * Publishes while workers are killed and the store is cut off, paused and killed, until everything is handled; then reads what
 * came of it.
 *
 * @throws Error that says what still waits, when nothing goes on any more.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosOutcome> {
  const { seed, messages, minMs, guarantee, say } = options;
  const startedAt = performance.now();
  using folder = configured(guarantee);
  await using server = await RedisServer.start(DURABLE);
  await using backend = await openBackend(server.url);
  const bus = openBus(backend, { namespace: NAMESPACE, sender: 'user:chaos' });
  await using fleet = new Fleet(WORKERS, server.url, folder.path);
  while (fleet.atWork < WORKERS) await sleep(LOOK_MS);
  using open = new OpenDeliveries(server.url, NAMESPACE);
  const published: Published = { accepted: new Set(), repeated: 0 };

  const faults = new Faults(server, fleet, WORKERS, seededRandom(seed));
  const isPublished = () =>
    published.accepted.size >= messages && faults.wereAll && performance.now() - startedAt >= minMs;
  let latest = 0;
  const progress = new Progress(say);
  let isDone = false;
  const giveUp = new AbortController();
  const isEarly = () => published.accepted.size / messages > (performance.now() - startedAt) / minMs;
  const hasRoom = async () => {
    while ((latest > MAX_OPEN || isEarly()) && !giveUp.signal.aborted) await sleep(LOOK_MS / 4);
  };
  const publishing = publishTasks(bus, published, isPublished, hasRoom, giveUp.signal).finally(() => {
    isDone = true;
  });
  const handled = (async () => {
    while (!giveUp.signal.aborted) {
      const wasPublished = isDone;
      const look = await open.look().catch(() => undefined);
      latest = look?.total ?? latest;
      if (wasPublished && look?.total === 0) return;
      progress.look(published.accepted.size, look?.by);
      await sleep(LOOK_MS);
    }
  })();
  try {
    await Promise.all([publishing, handled]);
  } finally {
    giveUp.abort();
    await faults[Symbol.asyncDispose]();
    await Promise.allSettled([publishing, handled]);
  }
  const verdict = await judge(bus, published.accepted);
  const stats = await bus.stats();
  return {
    ...verdict,
    faults: [...verdict.faults, ...(await storeFaults(server.port)).slice(0, 5), ...absent(stats)],
    accepted: published.accepted.size,
    repeated: published.repeated,
    deadLetters: stats.reduce((sum, { dead }) => sum + dead, 0),
    seconds: (performance.now() - startedAt) / 1_000,
    faulted: faults.counts,
    workers: fleet.counts,
    surprises: fleet.surprises,
  };
}

/** Tells how far it is, and gives up when that does not change. */
class Progress {
  readonly #say: (line: string) => void;
  #last = '';
  #changedAt = performance.now();
  #toldAt = performance.now();

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  look(accepted: number, by: Open | undefined): void {
    const now = performance.now();
    const state = JSON.stringify([accepted, by]);
    if (by !== undefined && state !== this.#last) this.#changedAt = now;
    if (by !== undefined) this.#last = state;
    if (now - this.#toldAt >= TELL_MS) {
      this.#toldAt = now;
      this.#say(`${accepted} accepted; open: ${this.#last}`);
    }
    if (now - this.#changedAt > STALLED_MS)
      throw new Error(`nothing has changed for ${STALLED_MS / 1_000} s; accepted and open: ${this.#last}`);
  }
}

function absent(stats: readonly { readonly agent: string }[]): readonly string[] {
  return agents
    .filter((name) => !stats.some(({ agent }) => agent === name))
    .map((name) => `no subscription of ${name}`);
}

/** A folder whose configuration says what all agents guarantee. */
function configured(guarantee: string): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'guildwire-chaos-'));
  const lines = agents.map(
    (agent) => `  ${agent}: { guarantee: ${agent === 'aggregator' ? 'exactly-once' : guarantee} }`,
  );
  writeFileSync(join(path, 'guildwire.config.yaml'), `namespace: ${NAMESPACE}\nagents:\n${lines.join('\n')}\n`);
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
