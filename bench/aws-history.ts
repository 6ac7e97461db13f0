/** A page of history of a topic that holds 1,000 messages, and of one that holds as many as the emulator takes in two minutes. */
import { defineAgent, defineGuild, genericJson, type RunningGuild, silentLog, startGuild } from 'guildwire';
import { openAwsBackend } from '../lib/backends/aws/open-aws-backend.ts';
import { EmulatorClient } from '../lib/rehearsal/emulator-client.ts';
import type { Emulators } from '../lib/rehearsal/emulators.ts';
import { deploy } from './aws-emulated.ts';
import { renewed, storedItem } from './aws-records.ts';
import { message } from './message.ts';
import { type Case, measure, medianOf, ratio } from './rounds.ts';

const SMALL = 1_000;
const FILL_MS = 120_000;
const PAGE = 100;
const BATCH = 25;
const LANES = 8;
const ROUNDS = 31;
const WARM_UP = 10;
const PAGES = 3;
const TOPIC = 'bench';

export async function measureHistory(
  emulators: Emulators,
  wanted: number,
  say: (line?: string) => void,
): Promise<void> {
  await using small = await openHistory(emulators);
  await using large = await openHistory(emulators);
  await small.fill(SMALL);
  const startedAt = performance.now();
  const count = await large.fill(wanted);
  say(`\nstored ${count} in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s, in a table of their own`);
  const names = [`page of ${PAGE} out of ${SMALL}`, `page of ${PAGE} out of ${count}`] as const;
  const measured = await measure([small.page(names[0]), large.page(names[1])], ROUNDS, WARM_UP);
  for (const each of measured) say(`${each.name.padEnd(36)} ${(medianOf(each) / 1e6).toFixed(2)} ms`);
  const [median, low, high] = ratio(measured, names[1], names[0]).map((each) => each.toFixed(2));
  say(`times as slow out of ${count}: ${median}× (${low}-${high}); goal ≤ 1.2`);
}

interface History extends AsyncDisposable {
  /** Puts messages straight into the table, in order; how many it came to. */
  fill(count: number): Promise<number>;
  page(name: string): Case;
}

async function openHistory(emulators: Emulators): Promise<History> {
  const idle = defineAgent({
    name: 'idle',
    entry: import.meta.url,
    subscribes: ['other'],
    handlers: (on) => [on.any(async () => {})],
  });
  const guild = defineGuild({ name: 'bench', agents: [idle], topics: { [TOPIC]: {} } });
  const { options } = await deploy(emulators, guild);
  const { messagesTable = '' } = options;
  const running: RunningGuild = await startGuild(guild, {
    backend: () => openAwsBackend('aws:', options),
    agents: [],
    log: silentLog,
  });
  await running.publish(TOPIC, genericJson, message);
  const item = await storedItem(emulators, messagesTable);
  const client = new EmulatorClient(emulators);
  return {
    async fill(count) {
      const until = performance.now() + FILL_MS;
      let stored = 1;
      const lane = async () => {
        while (stored < count && performance.now() < until) {
          const size = Math.min(BATCH, count - stored);
          stored += size;
          const puts = Array.from({ length: size }, () => ({ PutRequest: { Item: renewed(item) } }));
          await client.dynamodb('BatchWriteItem', { RequestItems: { [messagesTable]: puts } } as never);
        }
      };
      await Promise.all(Array.from({ length: LANES }, lane));
      return stored;
    },
    page: (name) => ({
      name,
      count: PAGES,
      async run(pages) {
        for (let page = 0; page < pages; page++) {
          const { items } = await running.read({ topic: TOPIC, limit: PAGE });
          if (items.length !== PAGE) throw new Error(`a page of ${items.length}`);
        }
      },
    }),
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await running[Symbol.asyncDispose]();
    },
  };
}
