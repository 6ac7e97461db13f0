/** From a publish through table, stream, relay, SNS and SQS to the handler in a worker, all but the emulators in this process. */
import { setTimeout as wait } from 'node:timers/promises';
import { defineAgent, defineGuild, type RunningGuild, silentLog, startGuild } from 'guildwire';
import type { AwsOptions } from '../lib/backends/aws/aws-settings.ts';
import { openAwsBackend } from '../lib/backends/aws/open-aws-backend.ts';
import { openRelay } from '../lib/backends/aws/relay/open-relay.ts';
import type { StreamRecord } from '../lib/backends/aws/relay/stream-record.ts';
import { EmulatorClient } from '../lib/rehearsal/emulator-client.ts';
import type { Emulators } from '../lib/rehearsal/emulators.ts';
import { StreamReader } from '../lib/rehearsal/sources/stream-reader.ts';
import { deploy } from './aws-emulated.ts';
import { MessageFormat, message } from './message.ts';
import { type Case, measure, medianOf, ratio } from './rounds.ts';

const TOPICS = { log: 'bench.logged', direct: 'bench.direct' } as const;
const BURST = 500;
/** Messages of one call of `publishMany`. */
const CALL = 100;
const WARM_UP = 2;
const PINGS = 200;
const CONCURRENCY = 50;
/** Between two looks at the stream that brought nothing. Lambda looks four times a second. */
const LOOK_MS = 5;
const BATCH = 100;

export async function measureEndToEnd(
  emulators: Emulators,
  rounds: number,
  say: (line?: string) => void,
): Promise<void> {
  let handled = () => {};
  const worker = defineAgent({
    name: 'worker',
    entry: import.meta.url,
    subscribes: ['bench.*'],
    concurrency: CONCURRENCY,
    handlers: (on) => [on(MessageFormat, async () => handled())],
  });
  const guild = defineGuild({
    name: 'bench',
    agents: [worker],
    topics: { [TOPICS.log]: {}, [TOPICS.direct]: { relay: 'direct' } },
  });
  const { options, emptied } = await deploy(emulators, guild, { stream: true });
  await using _relaying = relayFrom(emulators, options);
  await using running = await startGuild(guild, { backend: () => openAwsBackend('aws:', options), log: silentLog });

  const burst = (name: string, topic: string): Case => ({
    name,
    count: BURST,
    prepare: emptied,
    async run(count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      let done = 0;
      handled = () => {
        if (++done === count) resolve();
      };
      await publish(running, topic, count);
      await promise;
    },
  });
  const names = { log: 'by the relay', direct: 'direct' };
  const measured = await measure([burst(names.log, TOPICS.log), burst(names.direct, TOPICS.direct)], rounds, WARM_UP);
  say(`\npublish → table → relay → SNS → SQS → handler, ${BURST} at once`);
  for (const each of measured) say(`${each.name.padEnd(36)} ${String(Math.round(1e9 / medianOf(each))).padStart(6)}/s`);
  say(`direct / by the relay: ${ratio(measured, names.log, names.direct)[0].toFixed(2)}×`);

  const pings = { log: [] as number[], direct: [] as number[] };
  for (let ping = -20; ping < PINGS; ping++) {
    for (const relay of ['log', 'direct'] as const) {
      const { promise, resolve } = Promise.withResolvers<void>();
      handled = resolve;
      const startedAt = performance.now();
      await Promise.all([publish(running, TOPICS[relay], 1), promise]);
      if (ping >= 0) pings[relay].push(performance.now() - startedAt);
    }
  }
  for (const [relay, times] of Object.entries(pings)) {
    const at = (part: number) =>
      (times.toSorted((one, other) => one - other)[Math.floor((times.length - 1) * part)] as number).toFixed(1);
    say(`${names[relay as keyof typeof names].padEnd(14)} one in flight: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
  }
}

async function publish(running: RunningGuild, topic: string, count: number): Promise<void> {
  const entry = { topics: topic, format: MessageFormat, payload: message };
  for (let sent = 0; sent < count; sent += CALL)
    await running.publishMany(Array.from({ length: Math.min(CALL, count - sent) }, () => entry) as never);
}

/** What the table's stream says goes to the relay, as Lambda would hand it over: in order, a batch after the other. */
function relayFrom(emulators: Emulators, options: AwsOptions): AsyncDisposable {
  const client = new EmulatorClient(emulators);
  const { relay, [Symbol.dispose]: close } = openRelay(options);
  const reader = new StreamReader(options.messagesTable ?? '', 'arn:aws:dynamodb:us-east-1:0:table/bench', client);
  let isOpen = true;
  const loop = async () => {
    while (isOpen) {
      const records = (await reader.read()).map(({ record }) => record as StreamRecord);
      for (let first = 0; first < records.length; first += BATCH) {
        for (const { error } of await relay.handle(records.slice(first, first + BATCH))) throw error;
      }
      if (records.length === 0) await wait(LOOK_MS);
    }
  };
  const ended = loop();
  return {
    async [Symbol.asyncDispose]() {
      isOpen = false;
      await ended;
      close();
      client[Symbol.dispose]();
    },
  };
}
