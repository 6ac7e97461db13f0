/**
 * `npm run bench:million`: a million messages through a guild of three agents in one process. Half a million tasks are
 * published; each becomes a result, and what is counted commits as state, exactly once. With a TTL memory must stay flat.
 */
import { cpus } from 'node:os';
import { defineAgent, defineGuild, genericJson, silentLog, startGuild } from 'guildwire';
import { message } from './message.ts';

const TASKS = Number(process.argv[2] ?? 500_000);
const TTL_MS = process.argv[3] === undefined ? 1_000 : Number(process.argv[3]);
const BATCH = 100;
const SAMPLES = 10;

let audited = 0;
let counted = 0;
const worker = defineAgent({
  name: 'worker',
  entry: import.meta.url,
  subscribes: ['tasks'],
  publishes: ['results'],
  concurrency: 100,
  handlers: (on) => [on.any((task, context) => context.publish('results', genericJson, task, { ttlMs: TTL_MS }))],
});
const auditor = defineAgent({
  name: 'auditor',
  entry: import.meta.url,
  subscribes: ['results'],
  concurrency: 100,
  handlers: (on) => [
    on.any(() => {
      audited++;
    }),
  ],
});
const counter = defineAgent({
  name: 'counter',
  entry: import.meta.url,
  subscribes: ['results'],
  guarantee: 'exactly-once',
  concurrency: 100,
  handlers: (on) => [
    on.any(() => {
      counted++;
    }),
  ],
});
const guild = defineGuild({ name: 'million', agents: [worker, auditor, counter] });
await using running = await startGuild(guild, { backend: 'memory:', log: silentLog });

const megabytes = () => Math.round(process.memoryUsage().rss / 2 ** 20);
process.stdout.write(`Node ${process.version}, ${cpus()[0]?.model.trim()}; ${TASKS} tasks, TTL ${TTL_MS} ms\n`);
process.stdout.write('messages stored      rss\n');
const startedAt = performance.now();
let peak = 0;
const entries = Array.from({ length: BATCH }, () => ({
  topics: 'tasks' as const,
  format: genericJson,
  payload: message,
  options: { ttlMs: TTL_MS },
}));
for (let published = 0; published < TASKS; ) {
  await running.publishMany(entries as never);
  published += BATCH;
  while (published - Math.min(audited, counted) > 10_000) await new Promise((resolve) => setImmediate(resolve));
  peak = Math.max(peak, megabytes());
  if (published % Math.ceil(TASKS / SAMPLES) === 0)
    process.stdout.write(`${String(2 * published).padStart(15)} ${String(megabytes()).padStart(5)} MB\n`);
}
while (audited < TASKS || counted < TASKS) await new Promise((resolve) => setImmediate(resolve));
const seconds = (performance.now() - startedAt) / 1_000;
const rate = Math.round((2 * TASKS) / seconds);
process.stdout.write(
  `${2 * TASKS} messages, ${3 * TASKS} deliveries in ${seconds.toFixed(1)} s: ${rate} messages/s, peak ${peak} MB\n`,
);
