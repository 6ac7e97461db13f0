/**
 * `npm run chaos:aws -- [--messages 2000] [--seed 7]`: a rehearsed guild whose agents and relay are killed over and over, whose
 * every message is delivered twice, and a fifth of whose calls to AWS go wrong. Prints what was done and what came of it; exit
 * code 1 if anything is lost, doubled or left over.
 */
import { parseArgs } from 'node:util';
import { runChaos } from '../test/rehearsal/e2e/chaos/chaos-run.ts';

const { values } = parseArgs({ options: { messages: { type: 'string', default: '2000' }, seed: { type: 'string' } } });
const messages = Number(values.messages);
if (!(Number.isInteger(messages) && messages > 0))
  throw new Error(`--messages got ${values.messages}: allowed is a whole number from 1`);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32));
console.info(`seed ${seed}`);
const { faults, ...outcome } = await runChaos({ seed, messages, say: (line) => console.info(line) });
console.info(JSON.stringify(outcome, null, 2));
for (const fault of faults) console.info(`FAULT: ${fault}`);
if (faults.length > 0) process.exitCode = 1;
