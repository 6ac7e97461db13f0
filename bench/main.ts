/** `npm run bench`: ratios against references that run in the same rounds. Absolute times depend on the machine; these do not. */
import { cpus } from 'node:os';
import { idCases } from './ids.ts';
import { memoryCases } from './memory.ts';
import { message } from './message.ts';
import { queueCases } from './queue.ts';
import { type Measured, measure, medianOf, ratio } from './rounds.ts';

const ROUNDS = 41;

function print(what: string, measured: readonly Measured[], reference: string, name: string, goal: string): void {
  const [median, low, high] = ratio(measured, reference, name);
  const range = `${low.toFixed(2)}-${high.toFixed(2)}`;
  process.stdout.write(`${what.padEnd(66)} ${median.toFixed(2).padStart(7)}×  ${range.padEnd(13)} ${goal}\n`);
}

const size = Buffer.byteLength(JSON.stringify(message));
process.stdout.write(`Node ${process.version}, ${cpus()[0]?.model.trim()}, ${ROUNDS} rounds; message ${size} bytes\n`);
process.stdout.write('median ratio, quartiles, goal\n\n');

const ids = await measure(idCases(), ROUNDS, 10);
print('gemstone ids / ulid monotonicFactory', ids, 'ulid monotonicFactory', 'gemstone id', '≥ 2.2');

const memory = await measure(memoryCases(), ROUNDS, 60);
const json = 'JSON.stringify + parse';
print('publish → handler / JSON stringify + parse', memory, json, '1 subscriber', '≥ 1.6');
print('the same with a zod schema', memory, json, '1 subscriber, zod', '≥ 1.0');
print('cost of 4 subscribers / cost of 1', memory, '4 subscribers', '1 subscriber', '≤ 1.5');
print('the same with a zod schema', memory, '4 subscribers, zod', '1 subscriber, zod', '≤ 2.5');
print('cost of exactly once / cost of at least once', memory, 'exactly once', '1 subscriber', '');
print('cost of order by key / cost without order', memory, '64 keys, in their order', '64 keys', '');

const queue = await measure(queueCases(), ROUNDS, 10);
print(
  '10,000 waiting: one in, one out / heap of string keys',
  queue,
  'binary heap of string keys',
  'priority buckets',
  '≥ 5',
);

process.stdout.write('\nmedian time of each, in ns\n');
for (const each of [...ids, ...memory, ...queue]) {
  process.stdout.write(`${each.name.padEnd(66)} ${Math.round(medianOf(each)).toString().padStart(7)}\n`);
}
