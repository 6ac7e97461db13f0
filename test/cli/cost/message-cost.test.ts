import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { total } from '../../../lib/cli/cost/cost-line.ts';
import { additionsOf, goalsOf, sendingCost } from '../../../lib/cli/cost/features.ts';
import { messageCost, sizesOf } from '../../../lib/cli/cost/message-cost.ts';
import { observedCost, parseObserved } from '../../../lib/cli/cost/observed.ts';
import { pricesOf } from '../../../lib/cli/cost/prices.ts';
import { standardDelivery, standardWorkload, type Workload } from '../../../lib/cli/cost/workload.ts';

const { prices } = pricesOf('us-east-1');
const linesOf = (changes: Partial<Workload>) => {
  const { bus, edge, agents, kept } = messageCost({ ...standardWorkload, ...changes }, prices);
  return [...bus, ...edge, ...agents, ...kept];
};
const unitsOf = (changes: Partial<Workload>, what: string) =>
  linesOf(changes)
    .filter((line) => line.what === what)
    .reduce((sum, { quantity }) => sum + quantity, 0) / 1e6;
const exactlyOnce = { ...standardDelivery, guarantee: 'exactly-once' } as const;

/** Of an invocation of the relay or of an agent: 400 B of log. */
const LOGS = (0.5 * 0.1 * 1e6 * 400) / 1024 ** 3;

test('the bus alone is what one reckons by hand from the table, and within $1.50', () => {
  // An item of 1,531 B, of which the body shrinks to 855 B.
  const store = 0.625;
  const relay = 0.1 * 0.2 + 0.1 * 0.025 * 0.5 * 13.3334 + LOGS;
  const publishing = 0.1 * 0.5;
  const queue = 2 * 0.1 * 0.5;

  const [bus] = goalsOf(prices);

  expect(bus?.usd).toBeCloseTo(store + relay + publishing + queue, 9);
  expect(bus).toMatchObject({ maxUsd: 1.5, isKept: true });
});

test('four exactly-once agents without outputs are what one reckons by hand, and within $5', () => {
  const [bus, four] = goalsOf(prices);
  const queue = 2 * 0.1 * 0.5;
  const agent = 0.1 * 0.2 + 0.1 * 0.05 * 0.25 * 13.3334 + LOGS;
  const ledger = 0.125 + 0.625;

  expect(four?.usd).toBeCloseTo((bus?.usd ?? 0) + 3 * queue + 4 * (agent + ledger), 9);
  expect(four).toMatchObject({ maxUsd: 5, isKept: true });
});

test('each feature adds what it writes', () => {
  const adds = Object.fromEntries(additionsOf(standardWorkload, prices).map(({ name, usd }) => [name, usd]));
  const relayed = 0.1 * 0.5 + 0.1 * 0.2 + 0.1 * 0.025 * 0.5 * 13.3334 + LOGS;

  expect(adds.exactlyOnce).toBeCloseTo(0.125 + 0.625, 9);
  // Its end becomes a transaction, at twice the units, and so is the unit of the output.
  expect(adds.output).toBeCloseTo((1 + 2) * 0.625 + relayed, 9);
  expect(adds.threads).toBeCloseTo(0.625, 9);
  // Who gets it; who has it in hand; its end in a transaction, and what came of it in the same.
  expect(adds.tracing).toBeCloseTo((1 + 1 + 1 + 2) * 0.625, 9);
  // A write takes the place of the read.
  expect(adds.lease).toBeCloseTo(0.625 - 0.125, 9);
  expect(adds.direct).toBeCloseTo(0.5 - 0.05, 9);
  expect(adds.api).toBeCloseTo(1 + 0.2 + 0.025 * 13.3334 + (0.5 * 1e6 * (400 + 300)) / 1024 ** 3, 9);
  expect(adds.trickle).toBeCloseTo(9 * (relayed + 2 * 0.1 * 0.5 + 0.1 * 0.2 + 0.1 * 0.05 * 0.25 * 13.3334 + LOGS), 9);
});

describe('units', () => {
  test('a message is stored in units of 1 KB, compressed where that saves one', () => {
    expect(unitsOf({ messageKb: 0.25 }, 'store')).toBe(1);
    expect(unitsOf({ messageKb: 1 }, 'store')).toBe(1);
    expect(unitsOf({ messageKb: 2 }, 'store')).toBe(2);
    expect(unitsOf({ messageKb: 8 }, 'store')).toBe(6);
    expect(sizesOf({ messageKb: 0.25 })).toMatchObject({ isCompressed: false, itemBytes: 107 + 400 + 256 });
    expect(sizesOf({ messageKb: 1 })).toMatchObject({ isCompressed: true, itemBytes: 107 + 855 });
    // Two units in any case.
    expect(sizesOf({ messageKb: 1.5 })).toMatchObject({ isCompressed: false, itemBytes: 107 + 400 + 1536 });
  });

  test('a payload that is beyond 8 KB even when it is compressed lies in S3', () => {
    const [inline, aside] = [
      { messageKb: 13, fanOut: 3 },
      { messageKb: 14, fanOut: 3 },
    ];

    expect(unitsOf(inline, 'store')).toBe(9);
    expect(unitsOf(inline, 'payload in S3')).toBe(0);
    expect(unitsOf(inline, 'payload from S3')).toBe(0);
    expect(unitsOf(aside, 'store')).toBe(1);
    expect(unitsOf(aside, 'payload in S3')).toBe(1);
    expect(unitsOf(aside, 'payload from S3')).toBe(3);
  });

  test('queues carry a body as it is, not compressed', () => {
    expect(sizesOf({ messageKb: 8 }).entryBytes).toBe(8 * 1024 + 400 + 350);
  });

  test('with tracing each delivery is written when it is taken in hand, whatever its guarantee', () => {
    const what = 'trail: who has it in hand';

    expect(unitsOf({ fanOut: 3 }, what)).toBe(0);
    expect(unitsOf({ fanOut: 3, tracing: true }, what)).toBe(3);
    expect(unitsOf({ fanOut: 3, tracing: true, deliveries: [exactlyOnce] }, what)).toBe(3);
  });

  test('SNS and SQS count requests by 64 KB', () => {
    expect(unitsOf({ messageKb: 8 }, 'SNS publishing')).toBeCloseTo(0.2, 9);
    expect(unitsOf({ messageKb: 8 }, 'SQS')).toBeCloseTo(0.3, 9);
  });

  test('an agent takes no larger batches than its event source', () => {
    const llm = { ...standardDelivery, batchSize: 1 };

    expect(unitsOf({ deliveries: [llm] }, 'SQS')).toBe(2);
    expect(unitsOf({ deliveries: [llm] }, 'agents, invocations')).toBe(1);
  });

  test('an at-least-once agent leaves nothing in the ledger, and an at-most-once one writes twice', () => {
    const atMostOnce = { ...standardDelivery, guarantee: 'at-most-once' } as const;

    expect(linesOf({}).filter(({ what }) => what.startsWith('ledger'))).toEqual([]);
    expect(unitsOf({ deliveries: [atMostOnce] }, 'ledger, started')).toBe(1);
    expect(unitsOf({ deliveries: [atMostOnce] }, 'ledger, done')).toBe(1);
  });

  test('outputs of an at-least-once agent are no transaction', () => {
    expect(unitsOf({ outputs: 1 }, 'outputs, stored')).toBe(1);
    expect(unitsOf({ outputs: 1, deliveries: [exactlyOnce] }, 'outputs, stored')).toBe(2);
  });

  test('an ordered agent is served by FIFO topics and queues, and by them only', () => {
    const ordered = { ...standardDelivery, isOrdered: true };
    const both = [
      { ...ordered, share: 0.5 },
      { ...standardDelivery, share: 0.5 },
    ];

    expect(unitsOf({ deliveries: [ordered] }, 'SNS publishing')).toBe(0);
    expect(unitsOf({ deliveries: [ordered] }, 'SNS FIFO publishing')).toBeCloseTo(0.1, 9);
    expect(unitsOf({ deliveries: both }, 'SNS publishing')).toBeCloseTo(0.1, 9);
    expect(unitsOf({ deliveries: both }, 'SNS FIFO publishing')).toBeCloseTo(0.1, 9);
    expect(unitsOf({ deliveries: both, fanOut: 2 }, 'SQS FIFO')).toBeCloseTo(0.2, 9);
  });
});

test('whatever the workload, more of anything never costs less, and nothing is negative', () => {
  const workloads = fc.record({
    messageKb: fc.double({ min: 0, max: 100, noNaN: true }),
    fanOut: fc.integer({ min: 0, max: 50 }),
    batch: fc.integer({ min: 1, max: 100 }),
    outputs: fc.double({ min: 0, max: 5, noNaN: true }),
    handlerMs: fc.integer({ min: 0, max: 60_000 }),
    threads: fc.boolean(),
    tracing: fc.boolean(),
    isViaApi: fc.boolean(),
    isDirect: fc.boolean(),
    deliveries: fc.constantFrom([standardDelivery], [exactlyOnce], [{ ...exactlyOnce, isOrdered: true, lease: true }]),
  });
  const usdOf = (changes: Partial<Workload>) =>
    sendingCost(messageCost({ ...standardWorkload, ...changes }, prices)) + 1e-9;

  fc.assert(
    fc.property(workloads, (workload) => {
      const usd = usdOf(workload) - 2e-9;
      expect(linesOf(workload).every((line) => line.usd >= 0 && line.quantity > 0)).toBe(true);
      expect(usdOf({ ...workload, fanOut: workload.fanOut + 1 })).toBeGreaterThan(usd);
      expect(usdOf({ ...workload, outputs: workload.outputs + 1 })).toBeGreaterThan(usd);
      expect(usdOf({ ...workload, handlerMs: workload.handlerMs + 1 })).toBeGreaterThan(usd);
      expect(usdOf({ ...workload, threads: true, tracing: true })).toBeGreaterThan(usd);
    }),
  );
});

describe('counts of a rehearsal', () => {
  const counts = {
    messages: 2_000,
    calls: {
      'sns:PublishBatch': 250,
      'sqs:ReceiveMessage': 400,
      'sqs:DeleteMessageBatch': 400,
      'dynamodb:PutItem': 4_000,
      'dynamodb:writeUnits': 6_000,
      'dynamodb:readUnits': 2_000,
    },
    lambda: { relay: { invocations: 100, ms: 3_000, memoryMb: 512 } },
  };

  test('are reckoned up to a million messages', () => {
    const { lines, notPriced } = observedCost(parseObserved(JSON.stringify(counts), 'counts.json'), prices);

    const perMessage = (250 * 0.5 + 800 * 0.5 + 6_000 * 0.625 + 2_000 * 0.125 + 100 * 0.2 + 3 * 0.5 * 13.3334) / 2_000;
    expect(total(lines)).toBeCloseTo(perMessage, 9);
    expect(notPriced).toEqual([]);
  });

  test('that have no price are named, and so are calls of DynamoDB without units', () => {
    const calls = { 'states:StartExecution': 3, 'dynamodb:PutItem': 1 };

    const { lines, notPriced } = observedCost({ messages: 1, calls, lambda: {} }, prices);

    expect(lines).toEqual([]);
    expect(notPriced).toEqual([
      'states:StartExecution (3): no price for it',
      'DynamoDB: its calls are there, but not dynamodb:writeUnits, by which it charges',
    ]);
  });

  test.each([
    ['{', /counts\.json is no JSON/],
    ['[]', /the file: /],
    [JSON.stringify({ ...counts, messages: 0 }), /messages: /],
    [JSON.stringify({ ...counts, calls: { 'sns:Publish': -1 } }), /calls\.sns:Publish: /],
    [JSON.stringify({ ...counts, calls: { Publish: 1 } }), /is not service:operation/],
    [JSON.stringify({ ...counts, lambda: { relay: { invocations: 1 } } }), /lambda\.relay\.ms: /],
    [JSON.stringify({ ...counts, extra: 1 }), /extra/],
  ])('that are not as the format says are refused (%#)', (text, fault) => {
    expect(() => parseObserved(text, 'counts.json')).toThrow(fault);
  });
});

test('every price says where it is published, and prices of other regions are refused', () => {
  for (const { source, usd, per } of Object.values(prices)) {
    expect(source).toMatch(/^https:\/\/aws\.amazon\.com\//);
    expect(usd / per).toBeGreaterThan(0);
  }
  expect(() => pricesOf('eu-west-1')).toThrow('there are no prices of eu-west-1, only of us-east-1');
});
