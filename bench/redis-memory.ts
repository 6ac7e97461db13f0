/**
 * `npm run bench:redis-memory`: what a stored message takes of a Redis server's memory, and how that, a page of history and a
 * publish hold at 10,000 topics and at a million stored messages.
 */
import { cpus } from 'node:os';
import { defineAgent, defineGuild, genericJson, type RunningGuild, silentLog, startGuild } from 'guildwire';
import { Redis } from 'ioredis';
import { RedisServer } from '../test/redis-server/redis-server.ts';
import { message } from './message.ts';

const STORED = Number(process.argv[2] ?? 1_000_000);
const TOPICS = 10_000;
const BATCH = 100;
const PARALLEL = 4;
const PAGES = 51;

await using server = await RedisServer.start(['--save', '']);
const info = new Redis(server.port, '127.0.0.1');
const usedBytes = async () => Number(/used_memory:(\d+)/.exec(await info.info('memory'))?.[1]);
const calls = async () => Number(/cmdstat_fcall:calls=(\d+)/.exec(await info.info('commandstats'))?.[1] ?? 0);

const worker = defineAgent({
  name: 'worker',
  entry: import.meta.url,
  subscribes: ['followed.*'],
  concurrency: 50,
  handlers: (on) => [on.any(async () => {})],
});
const guild = defineGuild({ name: 'memory', agents: [worker], topics: { 'stored.*': {}, 'followed.*': {} } });
await using running = await startGuild(guild, { backend: server.url, log: silentLog });

async function store(count: number, topicOf: (n: number) => string): Promise<number> {
  const startedAt = performance.now();
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const first = next;
      next += BATCH;
      const entries = Array.from({ length: Math.min(BATCH, count - first) }, (_, index) => ({
        topics: topicOf(first + index),
        format: genericJson,
        payload: message,
      }));
      await running.publishMany(entries as never);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, lane));
  return (performance.now() - startedAt) / count;
}

async function pageMs(guildRunning: RunningGuild, topic: string): Promise<string> {
  const times: number[] = [];
  for (let page = 0; page < PAGES; page++) {
    const startedAt = performance.now();
    const { items } = await guildRunning.read({ topic, limit: 100 });
    if (items.length !== 100) throw new Error(`a page of ${items.length}`);
    times.push(performance.now() - startedAt);
  }
  return `${(times.toSorted((one, other) => one - other)[PAGES >> 1] as number).toFixed(2)} ms`;
}

/** Stores, and tells what that took. */
async function tell(
  what: string,
  count: number,
  topicOf: (n: number) => string,
  until = async () => {},
): Promise<void> {
  const [before, callsBefore] = [await usedBytes(), await calls()];
  const ms = await store(count, topicOf);
  await until();
  const bytes = Math.round(((await usedBytes()) - before) / count);
  const each = (((await calls()) - callsBefore) / count).toFixed(2);
  process.stdout.write(
    `${what.padEnd(44)} ${String(bytes).padStart(5)} bytes, ${each} calls, ${String(Math.round(1_000 / ms)).padStart(6)} messages/s\n`,
  );
}

const version = /redis_version:(\S+)/.exec(await info.info('server'))?.[1];
process.stdout.write(`Node ${process.version}, Redis ${version}, ${cpus()[0]?.model.trim()}\n`);
process.stdout.write(
  `of each message of ${Buffer.byteLength(JSON.stringify(message))} bytes, in batches of ${BATCH}\n\n`,
);
await tell('the first 1,000, one topic', 1_000, () => 'stored.small');
await tell(
  '1,000, handled by one agent',
  1_000,
  () => 'followed.one',
  async () => {
    while ((await running.stats()).some(({ waiting }) => waiting > 0));
  },
);
await tell(`50,000 over ${TOPICS} topics`, 50_000, (n) => `stored.topic-${n % TOPICS}`);
await tell(`${STORED} more, one topic`, STORED, () => 'stored.large');
await tell(`1,000 more, with ${STORED} stored`, 1_000, () => 'stored.large');
process.stdout.write(`\npage of 100 out of 1,000: ${await pageMs(running, 'stored.small')}`);
process.stdout.write(`, out of ${STORED}: ${await pageMs(running, 'stored.large')}\n`);
info.disconnect();
