/** `npm run bench:redis`: Guildwire on Redis against BullMQ and a bare loop over Streams, on the same server, in one run. */
import { cpus } from 'node:os';
import { Redis } from 'ioredis';
import { RedisServer } from '../test/redis-server/redis-server.ts';
import { message } from './message.ts';
import { openBullMq, openGuildwire, openStreams, type System } from './redis-systems.ts';
import { type Case, type Measured, measure, medianOf, ratio } from './rounds.ts';

const ROUNDS = Number(process.argv[2] ?? 11);
const WARM_UP = 3;
const MESSAGES = 3_000;
const IN_FLIGHT = 50;
const BATCH = 100;
const PINGS = 300;

/** Keeps so many messages between publisher and handler. */
async function stream(system: System, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let [sent, done] = [0, 0];
  const send = () => {
    sent++;
    void system.add();
  };
  system.handled = () => {
    if (++done === count) resolve();
    else if (sent < count) send();
  };
  while (sent < IN_FLIGHT) send();
  await promise;
  await system.settled();
}

/** Stores them in batches, ten of which may be on their way. */
async function batches(system: System, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let [sent, done] = [0, 0];
  const send = () => {
    sent += BATCH;
    void system.addMany(BATCH);
  };
  system.handled = () => {
    if (++done === count) resolve();
    else if (done % BATCH === 0 && sent < count) send();
  };
  while (sent < Math.min(count, 10 * BATCH)) send();
  await promise;
  await system.settled();
}

/** From `publish` to the handler, one message at a time: the median of so many, in ns for each of `count`. */
async function onePing(system: System): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  system.handled = resolve;
  const startedAt = performance.now();
  await Promise.all([system.add(), promise]);
  return performance.now() - startedAt;
}

const bulk = async (system: System, count: number) => {
  for (let sent = 0; sent < count; sent += BATCH) await system.addMany(BATCH);
};
const oneByOne = async (system: System, count: number) => {
  for (let sent = 0; sent < count; sent++) await system.add();
};

await using memory = await RedisServer.start(['--save', '']);
await using disk = await RedisServer.start(['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec']);
await using guildwire = await openGuildwire(memory.port);
await using onDisk = await openGuildwire(disk.port);
await using bullMq = await openBullMq(memory.port);
await using streams = await openStreams(memory.port);

const flush = async () => {
  await guildwire.settled();
};
const of = (
  name: string,
  run: (system: System, count: number) => Promise<void>,
  system: System,
  count = MESSAGES,
): Case => ({
  name,
  count,
  prepare: flush,
  run: (wanted) => run(system, wanted),
});

const info = new Redis(memory.port, '127.0.0.1');
const version = /redis_version:(\S+)/.exec(await info.info('server'))?.[1];
info.disconnect();
process.stdout.write(`Node ${process.version}, Redis ${version}, ${cpus()[0]?.model.trim()}, ${ROUNDS} rounds\n`);
process.stdout.write(`message ${Buffer.byteLength(JSON.stringify(message))} bytes; median ratio, quartiles\n\n`);

function report(
  measured: readonly Measured[],
  rows: readonly (readonly [name: string, reference: string, goal: string])[],
): void {
  for (const each of measured) {
    process.stdout.write(`${each.name.padEnd(34)} ${String(Math.round(1e9 / medianOf(each))).padStart(8)}/s\n`);
  }
  for (const [name, reference, goal] of rows) {
    const [median, low, high] = ratio(measured, reference, name).map((each) => each.toFixed(2));
    process.stdout.write(`${name} / ${reference}: ${median}× (${low}-${high}); goal ${goal}\n`);
  }
  process.stdout.write('\n');
}

const paths = await measure(
  [
    of('Guildwire, 50 in flight', stream, guildwire),
    of('Guildwire, 50 in flight, AOF', stream, onDisk),
    of('Guildwire, batches of 100', batches, guildwire),
    of('BullMQ, 50 in flight', stream, bullMq),
    of('BullMQ, addBulk of 100', batches, bullMq),
    of('Streams, 50 in flight', stream, streams),
  ],
  ROUNDS,
  WARM_UP,
);
report(paths, [
  ['Guildwire, 50 in flight', 'BullMQ, 50 in flight', '≥ 2'],
  ['Guildwire, batches of 100', 'BullMQ, 50 in flight', '≥ 2.7'],
  ['Guildwire, batches of 100', 'BullMQ, addBulk of 100', '-'],
  ['Guildwire, 50 in flight', 'Streams, 50 in flight', 'none of its guarantees'],
  ['Guildwire, 50 in flight, AOF', 'Guildwire, 50 in flight', '≥ 0.7'],
]);

const publishing = await measure(
  [of('publish, one by one', oneByOne, guildwire, 1_000), of('publish, 100 at once', bulk, guildwire, 1_000)],
  ROUNDS,
  WARM_UP,
);
report(publishing, [['publish, 100 at once', 'publish, one by one', '≥ 2']]);

/** Alternately, so that both see the same machine. */
const pings = { Guildwire: [] as number[], BullMQ: [] as number[], Streams: [] as number[] };
for (let ping = -50; ping < PINGS; ping++) {
  for (const [name, system] of [
    ['Guildwire', guildwire],
    ['BullMQ', bullMq],
    ['Streams', streams],
  ] as const) {
    const ms = await onePing(system);
    if (ping >= 0) pings[name].push(ms);
  }
}
const at = (times: readonly number[], part: number) =>
  times.toSorted((one, other) => one - other)[Math.floor((times.length - 1) * part)] as number;
for (const [name, times] of Object.entries(pings)) {
  process.stdout.write(
    `${name.padEnd(12)} one in flight: p50 ${at(times, 0.5).toFixed(2)} ms, p99 ${at(times, 0.99).toFixed(2)} ms\n`,
  );
}
process.stdout.write(
  `p50 of BullMQ / Guildwire: ${(at(pings.BullMQ, 0.5) / at(pings.Guildwire, 0.5)).toFixed(2)}×; goal ≥ 2.5\n`,
);
