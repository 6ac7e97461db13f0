/**
 * `npm run chaos -- [--minutes 30] [--messages 150000] [--seed 7] [--guarantee exactly-once]`: a guild in six worker
 * processes on a Redis server, while workers are killed and the server is cut off, paused, and killed. Prints what was done
 * and what came of it; exit code 1 if anything is lost, doubled or left over.
 */
import { parseArgs } from 'node:util';
import { runChaos } from '../test/chaos/chaos-run.ts';
import { chaosTable } from '../test/chaos/chaos-table.ts';

const LEAST_MESSAGES = 20_000;
/** More would fill the memory of the server in a long run. */
const MESSAGES_PER_MINUTE = 5_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    messages: { type: 'string' },
    seed: { type: 'string' },
    guarantee: { type: 'string', default: 'exactly-once' },
  },
});
const { guarantee } = values;
if (guarantee !== 'exactly-once' && guarantee !== 'at-least-once')
  throw new Error(`--guarantee got ${guarantee}: allowed are exactly-once and at-least-once`);
const minutes = Number(values.minutes);
if (!(minutes >= 0)) throw new Error(`--minutes got ${values.minutes}: allowed is a number, 0 or more`);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32));
const say = (line: string) => console.info(line);
say(`seed ${seed}`);
const outcome = await runChaos({
  seed,
  messages: Number(values.messages ?? Math.max(LEAST_MESSAGES, MESSAGES_PER_MINUTE * minutes)),
  minMs: minutes * 60_000,
  guarantee,
  say,
});
for (const line of chaosTable(outcome)) say(line);
if (outcome.faults.length + outcome.deadLetters > 0) process.exitCode = 1;
