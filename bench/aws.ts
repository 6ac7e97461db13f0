/**
 * `npm run bench:aws`: the software on AWS, on emulators: from SNS to a handler behind SQS against message-queue-toolkit,
 * from a publish to its handler through table, relay and queue, and a page of history at two sizes of its topic. What an
 * emulator takes is in all numbers; only their ratios say something of AWS.
 */
import { cpus, loadavg } from 'node:os';
import { startSeparately } from './aws-emulated.ts';
import { measureEndToEnd } from './aws-end-to-end.ts';
import { measureHistory } from './aws-history.ts';
import { openGuildwire, openToolkit, type System } from './aws-systems.ts';
import { message } from './message.ts';
import { type Case, measure, medianOf, ratio } from './rounds.ts';

const [wanted = 'messaging,end-to-end,history', rounds = '9', stored = '1000000'] = process.argv.slice(2);
const parts = wanted.split(',');
const WARM_UP = 3;
const BATCHED = 1_000;
const ONE_BY_ONE = 150;
/** Records that Lambda hands to the relay at once. */
const RELAY_BATCH = 100;

const say = (line = '') => process.stdout.write(`${line}\n`);
say(`Node ${process.version}, fauxqs and dynoxide, ${cpus().length} × ${cpus()[0]?.model.trim()}, load ${load()}`);
say(`message ${Buffer.byteLength(JSON.stringify(message))} bytes; ${rounds} rounds, medians`);
await using emulators = await startSeparately();

if (parts.includes('messaging')) {
  await using guildwire = await openGuildwire(emulators);
  const asItComes = { consumers: 1, batchSize: 1 };
  await using one = await openToolkit(emulators, 1, asItComes);
  await using ten = await openToolkit(emulators, 10, asItComes);
  await using tuned = await openToolkit(emulators, 10, { consumers: 4, batchSize: 10 });
  const measured = await measure(
    [
      through('Guildwire, batches', guildwire, RELAY_BATCH, BATCHED),
      through('toolkit, 10 in flight', ten, BATCHED, BATCHED),
      through('toolkit, 10 in flight, 4 × 10 polled', tuned, BATCHED, BATCHED),
      through('Guildwire, one by one', guildwire, 1, ONE_BY_ONE),
      through('toolkit, one by one', one, 1, ONE_BY_ONE),
    ],
    Number(rounds),
    WARM_UP,
  );
  say(`\nSNS → SQS → handler`);
  for (const each of measured) say(`${each.name.padEnd(36)} ${String(Math.round(1e9 / medianOf(each))).padStart(6)}/s`);
  for (const [name, reference, goal] of [
    ['Guildwire, batches', 'toolkit, 10 in flight', '≥ 3'],
    ['Guildwire, batches', 'toolkit, 10 in flight, 4 × 10 polled', '-'],
    ['Guildwire, one by one', 'toolkit, one by one', '≥ 1'],
  ] as const) {
    const [median, low, high] = ratio(measured, reference, name).map((each) => each.toFixed(2));
    say(`${name} / ${reference}: ${median}× (${low}-${high}); goal ${goal}`);
  }
}
if (parts.includes('end-to-end')) await measureEndToEnd(emulators, Number(rounds), say);
if (parts.includes('history')) await measureHistory(emulators, Number(stored), say);
say(`\nload at the end ${load()}`);

/** Until the last handler has run; what is deleted behind it is waited for, and not measured. */
function through(name: string, system: System, batch: number, count: number): Case {
  return {
    name,
    count,
    prepare: () => system.settled(),
    async run(wantedCount) {
      const { promise, resolve } = Promise.withResolvers<void>();
      let done = 0;
      system.handled = () => {
        if (++done === wantedCount) resolve();
      };
      for (let sent = 0; sent < wantedCount; sent += batch) await system.publish(batch);
      await promise;
    },
  };
}

function load(): string {
  return loadavg()
    .map((each) => each.toFixed(1))
    .join(' ');
}
