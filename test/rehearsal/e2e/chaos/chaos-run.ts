import { AwsBackend } from '../../../../lib/backends/aws/aws-backend.ts';
import { openBus } from '../../../../lib/bus/bus.ts';
import { signedFetch } from '../../../../lib/cli/rehearse/signed-fetch.ts';
import type { Client } from '../../../../lib/http/client/client.ts';
import { createClient } from '../../../../lib/http/client/create-client.ts';
import { rehearse } from '../../../../lib/rehearsal/rehearse.ts';
import { seededRandom } from '../../../../lib/testing/random.ts';
import { connectionOf, synthesized, timers } from '../stack.ts';
import { Again } from './again.ts';
import { faultyCalls } from './faulty-calls.ts';
import { Task } from './formats.ts';
import guild from './guild.ts';
import { Killer } from './killer.ts';
import { judge, type Verdict } from './verdict.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly messages: number;
  readonly say: (line: string) => void;
}

export interface ChaosOutcome extends Verdict {
  readonly seconds: number;
  /** Calls of the SDK that went wrong, by what and when. */
  readonly calls: Readonly<Record<string, number>>;
  readonly killed: { readonly agents: number; readonly relay: number };
  /** Deliveries that were handed out once more after they were done. */
  readonly again: number;
}

const SHARE = 0.2;
/** Of the tasks these fail, whatever is tried. */
const BAD_EVERY = 100;
const BATCH = 50;
const TELL_MS = 5_000;
const IDLE_MS = 1_100_000;

/** Publishes tasks while everything goes wrong; then reads what came of it. */
export async function runChaos({ seed, messages, say }: ChaosOptions): Promise<ChaosOutcome> {
  const random = seededRandom(seed);
  using assembly = synthesized({ guild });
  const calls = faultyCalls(random, SHARE);
  const again = new Again();
  using killer = new Killer(random);
  const startedAt = performance.now();
  await using rehearsal = await rehearse({
    assembly: assembly.folder,
    proxy: calls.hook,
    onInvocation: (ended) => again.ended(ended),
    log: (line) => killer.heard(line),
    timings: { visibilitySeconds: 3 },
    maxEnvironments: 3,
  });
  again.open(rehearsal);
  killer.open(rehearsal);
  const telling = setInterval(() => say(`${JSON.stringify(calls.counts)}, ${again.count} again`), TELL_MS).unref();
  const { apiUrl: url } = rehearsal;
  const client = createClient({ url, fetch: signedFetch(rehearsal), lingerMs: 0 });
  await publish(client, messages);
  say(`published after ${seconds(startedAt)} s`);
  await rehearsal.idle({ ignoring: timers, timeoutMs: IDLE_MS });
  clearInterval(telling);
  const took = seconds(startedAt);
  calls.end();
  await using backend = new AwsBackend(connectionOf(rehearsal));
  const bus = openBus(backend, { namespace: 'default', sender: 'user:chaos' });
  const bad = Array.from({ length: messages }, (_, n) => n).filter(isBad);
  const verdict = await judge({ bus, rehearsal, messages, bad });
  return { ...verdict, seconds: took, calls: calls.counts, killed: killer.killed, again: again.count };
}

const isBad = (n: number) => n % BAD_EVERY === BAD_EVERY - 1;
const seconds = (from: number) => Math.round((performance.now() - from) / 100) / 10;

/** What fails is repeated under the same key, so that each is accepted once. */
async function publish(client: Client, messages: number): Promise<void> {
  for (let next = 0; next < messages; next += BATCH) {
    let open = Array.from({ length: Math.min(BATCH, messages - next) }, (_, index) => next + index);
    while (open.length > 0) {
      const outcomes = await client.publishMany(
        open.map((n) => ({
          topics: 'tasks',
          format: Task,
          payload: { n, isBad: isBad(n) },
          options: { idempotencyKey: `task-${n}` },
        })),
      );
      const refused = outcomes.find((outcome) => !outcome.ok && !outcome.error.retryable);
      if (refused !== undefined && !refused.ok) throw refused.error;
      open = open.filter((_, index) => outcomes[index]?.ok !== true);
    }
  }
}
