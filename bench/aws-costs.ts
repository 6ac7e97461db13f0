/**
 * `npm run bench:aws-costs`: calls of the SDK and units of DynamoDB for each message, counted on emulators while a guild runs as
 * Lambda would run it; dollars for a million from them, and what `guildwire cost` reckons for the same. What Lambda itself asks
 * for is not counted here but reckoned. The switch of an agent is read once in 5 s by each process, whatever it handles.
 */
import { randomBytes } from 'node:crypto';
import { cpus } from 'node:os';
import { type CostLine, total } from '../lib/cli/cost/cost-line.ts';
import { messageCost } from '../lib/cli/cost/message-cost.ts';
import { pricesOf } from '../lib/cli/cost/prices.ts';
import { standardDelivery, standardWorkload, type Workload } from '../lib/cli/cost/workload.ts';
import type { Json } from '../lib/core/json.ts';
import { startSeparately } from './aws-emulated.ts';
import { type Counted, runCounted, type Scenario } from './aws-pipeline.ts';
import { message } from './message.ts';

const { prices, region, date } = pricesOf('us-east-1');
const MILLION = 1_000_000;
/** As large as `message`, and by a quarter smaller when it is compressed: what text is at its densest. */
const dense = { text: randomBytes(700).toString('base64') };
const plain = {
  payload: message as Json,
  agents: 1,
  outputs: 0,
  lease: false,
  threads: false,
  tracing: false,
} as const;

const byBatch = ([1, 10] as const).flatMap((batch) =>
  (['at-least-once', 'exactly-once'] as const).flatMap((guarantee) =>
    [0, 1].map((outputs): Scenario => {
      const name = `batches of ${batch}, ${guarantee}${outputs === 0 ? '' : ', 1 output'}`;
      return { ...plain, name, batch, guarantee, outputs };
    }),
  ),
);
const once = { ...plain, batch: 10, guarantee: 'exactly-once' } as const;
const four: Scenario = { ...once, name: 'four agents, exactly-once', agents: 4 };
const additions: readonly Scenario[] = [
  four,
  { ...once, name: 'thread index', threads: true },
  { ...once, name: 'tracing', tracing: true },
  { ...once, name: 'lease', lease: true },
  { ...once, name: 'lease, at-least-once', guarantee: 'at-least-once', lease: true },
  { ...once, name: 'tracing, at-least-once', guarantee: 'at-least-once', tracing: true },
  { ...four, name: 'tracing, four agents', tracing: true },
  { ...once, name: 'hardly smaller when compressed', payload: dense },
];

const say = (line = '') => process.stdout.write(`${line}\n`);
say(`Node ${process.version}, ${cpus()[0]?.model.trim()}; prices of ${region}, ${date}`);
say(
  `payload ${Buffer.byteLength(JSON.stringify(message))} bytes; ${Buffer.byteLength(JSON.stringify(dense))} where it is dense`,
);
await using emulators = await startSeparately();
const results = new Map<string, { readonly counted: Counted; readonly scenario: Scenario }>();
for (const scenario of [...byBatch, ...additions])
  results.set(scenario.name, { scenario, counted: await runCounted(emulators, scenario) });

say('\nfor each message: calls of the SDK; units of DynamoDB, requests to SNS and SQS (counted / reckoned)');
for (const { scenario, counted } of results.values()) {
  const calls = [...counted.calls].filter(([name]) => name !== 'GetItem');
  say(`${scenario.name}`);
  say(`    ${calls.map(([name, count]) => `${name} ${round(count)}`).join(', ')}`);
  say(`    ${[...counted.writes].map(([name, units]) => `${name} ${round(units)}`).join(', ')} write units`);
  const lines = reckoned(scenario);
  const told = [
    ['write units', counted.writeUnits, 'writeUnit'],
    ['read units', counted.readUnits, 'readUnit'],
    ['SNS', counted.publishRequests, 'snsPublish'],
    ['SQS', counted.sqsRequests, 'sqsFairRequest'],
  ] as const;
  const compared = told.map(([what, count, price]) => {
    const other =
      lines.filter((line) => line.price === price).reduce((sum, { quantity }) => sum + quantity, 0) / MILLION;
    return `${what} ${round(count)} / ${round(other)}${Math.abs(count - other) > 0.01 ? ' ←' : ''}`;
  });
  say(`    ${compared.join(', ')}`);
}

say('\ndollars for a million: DynamoDB, SNS and SQS as counted; with what Lambda asks for; as reckoned');
for (const { scenario, counted } of results.values()) {
  const [requests, all] = [dollars(counted), dollars(counted) + lambdaDollars(scenario)];
  const columns = [requests, all, total(reckoned(scenario))].map((usd) => `$${usd.toFixed(3)}`.padStart(8));
  say(`${scenario.name.padEnd(44)} ${columns.join(' ')}`);
}
const bus = results.get('batches of 10, at-least-once');
if (bus !== undefined) {
  const relayed = messageCost(workloadOf(bus.scenario), prices).bus.filter(isLambda);
  say(`\nbus only, without the agent's function: $${(dollars(bus.counted) + total(relayed)).toFixed(3)}; goal ≤ $1.50`);
}
const together = results.get(four.name);
if (together !== undefined)
  say(`four exactly-once agents: $${(dollars(together.counted) + lambdaDollars(four)).toFixed(3)}; goal ≤ $5`);
for (const [what, name, base] of [
  ['an output, at least once', 'batches of 10, at-least-once, 1 output', 'batches of 10, at-least-once'],
  ['an output, exactly once', 'batches of 10, exactly-once, 1 output', 'batches of 10, exactly-once'],
  ['the thread index', 'thread index', 'batches of 10, exactly-once'],
  ['tracing, exactly once', 'tracing', 'batches of 10, exactly-once'],
  ['tracing, at least once', 'tracing, at-least-once', 'batches of 10, at-least-once'],
  ['a lease, exactly once', 'lease', 'batches of 10, exactly-once'],
  ['a lease, at least once', 'lease, at-least-once', 'batches of 10, at-least-once'],
] as const) {
  const [one, other] = [results.get(name), results.get(base)];
  if (one !== undefined && other !== undefined)
    say(`${what} adds $${(dollars(one.counted) - dollars(other.counted)).toFixed(3)}`);
}

function workloadOf({ payload, agents, batch, outputs, guarantee, lease, threads, tracing }: Scenario): Workload {
  const messageKb = Buffer.byteLength(JSON.stringify(payload)) / 1_024;
  const deliveries = [{ ...standardDelivery, guarantee, lease }];
  return { ...standardWorkload, messageKb, fanOut: agents, batch, outputs, threads, tracing, deliveries };
}

function reckoned(scenario: Scenario): readonly CostLine[] {
  const { bus: own, agents } = messageCost(workloadOf(scenario), prices);
  return [...own, ...agents];
}

function isLambda({ price }: CostLine): boolean {
  return price === 'invocation' || price === 'armGigabyteSecond' || price === 'logGigabyte';
}

function lambdaDollars(scenario: Scenario): number {
  return total(reckoned(scenario).filter(isLambda));
}

/** Of what was counted. */
function dollars({ writeUnits, readUnits, publishRequests, sqsRequests }: Counted): number {
  const { writeUnit, readUnit, snsPublish, sqsFairRequest } = prices;
  return (
    writeUnits * writeUnit.usd +
    readUnits * readUnit.usd +
    publishRequests * snsPublish.usd +
    sqsRequests * sqsFairRequest.usd
  );
}

function round(count: number): number {
  return Math.round(count * 1_000) / 1_000;
}
