/** What is compared on one Redis server: Guildwire, BullMQ, and a loop over Streams that has none of the guarantees. */
import { Queue, Worker } from 'bullmq';
import { defineAgent, defineGuild, genericJson, silentLog, startGuild } from 'guildwire';
import { Redis } from 'ioredis';
import { message } from './message.ts';

/** A producer and a consumer in one process. `handled` is told of each message that its consumer is done with. */
export interface System extends AsyncDisposable {
  /** Stores a message for the consumer. */
  add(): Promise<unknown>;
  addMany(count: number): Promise<unknown>;
  handled: () => void;
  /** Resolves when all that was handled is acknowledged as well. */
  settled(): Promise<void>;
}

export type OpenSystem = (port: number) => Promise<System>;

const CONCURRENCY = 50;
const host = '127.0.0.1';
let opened = 0;

export const openGuildwire: OpenSystem = async (port) => {
  const worker = defineAgent({
    name: 'worker',
    entry: import.meta.url,
    subscribes: ['bench'],
    concurrency: CONCURRENCY,
    handlers: (on) => [on.any(async () => system.handled())],
  });
  const running = await startGuild(defineGuild({ name: 'bench', agents: [worker] }), {
    backend: `redis://${host}:${port}`,
    namespace: `bench-${opened++}`,
    log: silentLog,
  });
  const entry = { topics: 'bench' as const, format: genericJson, payload: message };
  const system: System = {
    add: () => running.publish('bench', genericJson, message),
    addMany: (count) => running.publishMany(Array.from({ length: count }, () => entry) as never),
    handled: () => {},
    async settled() {
      while ((await running.stats()).some(({ waiting }) => waiting > 0));
    },
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
  return system;
};

export const openBullMq: OpenSystem = async (port) => {
  const name = `bench-${opened++}`;
  const connection = { host, port, maxRetriesPerRequest: null };
  const options = { removeOnComplete: true };
  const queue = new Queue(name, { connection });
  const worker = new Worker(name, async () => {}, { connection, concurrency: CONCURRENCY });
  worker.on('completed', () => system.handled());
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
  const system: System = {
    add: () => queue.add('bench', message, options),
    addMany: (count) =>
      queue.addBulk(Array.from({ length: count }, () => ({ name: 'bench', data: message, opts: options }))),
    handled: () => {},
    settled: async () => {},
    async [Symbol.asyncDispose]() {
      await worker.close();
      await queue.close();
    },
  };
  return system;
};

/** XADD, XREADGROUP, and one XACK for all that was read: a message of a consumer that dies stays with it for ever. */
export const openStreams: OpenSystem = async (port) => {
  const [stream, group] = [`bench-${opened++}`, 'workers'];
  const [writer, reader] = [new Redis(port, host), new Redis(port, host)];
  await writer.xgroup('CREATE', stream, group, '$', 'MKSTREAM');
  let isOpen = true;
  const loop = async () => {
    while (isOpen) {
      const read = await reader.xreadgroup(
        'GROUP',
        group,
        'one',
        'COUNT',
        CONCURRENCY,
        'BLOCK',
        100,
        'STREAMS',
        stream,
        '>',
      );
      const entries = (read as [string, [string, string[]][]][] | null)?.[0]?.[1] ?? [];
      if (entries.length === 0) continue;
      for (const [, fields] of entries) JSON.parse(fields[1] as string);
      await writer.xack(stream, group, ...entries.map(([id]) => id));
      for (const _ of entries) system.handled();
    }
  };
  const ended = loop();
  const system: System = {
    add: () => writer.xadd(stream, '*', 'body', JSON.stringify(message)),
    addMany: (count) => Promise.all(Array.from({ length: count }, () => system.add())),
    handled: () => {},
    settled: async () => {},
    async [Symbol.asyncDispose]() {
      isOpen = false;
      await ended;
      writer.disconnect();
      reader.disconnect();
    },
  };
  return system;
};
