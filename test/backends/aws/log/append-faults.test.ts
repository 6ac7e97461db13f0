/** Append under a store that throttles, fails and breaks off, before and after the effect: stored once, or said to be retryable. */
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../../lib/core/clock.ts';
import { timeOf } from '../../../../lib/core/gemstone-id.ts';
import { type Emulators, startEmulators } from '../../../../lib/rehearsal/emulators.ts';
import { seededRandom } from '../../../../lib/testing/random.ts';
import { emptyManifest, manifestFamily } from '../../../aws-emulators/emulated-settings.ts';
import {
  type Fault,
  type FaultProxy,
  faults,
  randomFaults,
  startFaultProxy,
} from '../../../aws-emulators/fault-proxy.ts';
import { draft, type LogLab, openLog } from './log-lab.ts';

let emulators: Emulators;
let proxy: FaultProxy;
beforeAll(async () => {
  emulators = await startEmulators();
  proxy = await startFaultProxy(emulators.endpoints.dynamodb);
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await emulators[Symbol.asyncDispose]();
});

const seed = Number.parseInt(process.env.GUILDWIRE_TEST_SEED ?? '', 10) || Date.now() % 1_000_000_000;

/** A log whose calls go through the proxy, which lets all through until it has a plan. */
async function openBehindProxy(given: Parameters<typeof openLog>[1] = {}): Promise<LogLab> {
  proxy.plan = () => undefined;
  const { tables } = await openLog(emulators);
  const endpoints = { ...emulators.endpoints, dynamodb: proxy.url };
  return openLog(emulators, { ...tables, endpoints, ...given });
}

/** Every item of the Messages table, as payload and topic. */
async function stored({ dynamodb, tables, writer }: LogLab): Promise<readonly string[]> {
  proxy.plan = () => undefined;
  const command = new ScanCommand({ TableName: tables.messagesTable });
  const { Items = [] } = await dynamodb.send(command, { action: 'dynamodb:Scan', resource: tables.messagesTable });
  return Items.map((item) => writer.itemToMessage(item))
    .map(({ payload, topic }) => `${payload} in ${topic}`)
    .toSorted();
}

const shapes = {
  'one copy': draft('x'),
  'a key': draft('x', { idempotencyKey: 'k' }),
  'several topics': draft('x', { topics: ['a', 'b'] }),
  'an effect': draft('x', {}, { effect: { delivery: 'd', ordinal: 1 } }),
};

describe.each(faults)('%s', (fault: Fault) => {
  test.each(Object.entries(shapes))('%s is stored once, under the id that is given', async (_, one) => {
    const log = await openBehindProxy();
    const isWrite = (operation: string) => /^(PutItem|TransactWriteItems)$/.test(operation);
    let left = 2;
    proxy.plan = (operation) => (isWrite(operation) && left-- > 0 ? fault : undefined);

    const [outcome] = await log.writer.append([one], 'n');

    expect(left).toBeLessThan(0);
    expect(outcome).toMatchObject({ ok: true, duplicate: false });
    expect(await stored(log)).toEqual(one.message.topics.map((topic) => `x in ${topic}`));
    const page = await log.reader.read({ namespace: 'test', where: { topic: 'a' }, order: 'id', limit: 2 });
    expect(page.items.map(({ id }) => id)).toEqual([outcome?.ok ? outcome.id : undefined]);
  });
});

test('with 30 % of all calls failing in every way, everything is stored exactly once, or said to be retryable', async () => {
  console.info(`GUILDWIRE_TEST_SEED=${seed}`);
  const random = seededRandom(seed);
  const log = await openBehindProxy({ random });
  const drafts = Array.from({ length: 150 }, (_, n) => {
    const keyed = n % 3 === 0 ? { idempotencyKey: `k${n}` } : {};
    return draft(n, { ...keyed, topics: n % 4 === 0 ? ['a', 'b'] : ['a'] });
  });
  const before = proxy.injected.length;
  proxy.plan = randomFaults(random, 0.3);

  const outcomes = await log.writer.append(drafts, 'n');

  expect(proxy.injected.length - before).toBeGreaterThan(30);
  const failed = outcomes.flatMap((outcome, n) => (outcome.ok ? [] : [{ n, error: outcome.error }]));
  expect(failed.filter(({ error }) => !error.retryable)).toEqual([]);
  const found = await stored(log);
  for (const [n, { message }] of drafts.entries()) {
    const copies = message.topics.map((topic) => found.filter((each) => each === `${n} in ${topic}`).length);
    if (failed.every((each) => each.n !== n)) expect(copies, `draft ${n}`).toEqual(message.topics.map(() => 1));
    else expect(Math.max(...copies), `draft ${n}`).toBeLessThanOrEqual(1);
  }
});

describe('when the store does not answer until the id is old', () => {
  /** The clock jumps by five seconds with the first write that is not answered. */
  async function openSlow() {
    let aheadMs = 0;
    const log = await openBehindProxy({
      clock: { ...systemClock, now: () => Date.now() + aheadMs },
      timeoutMs: 60_000,
    });
    // So that the time is known, and what the clock does next is not the store's doing.
    await log.append(draft('first'));
    const slow = (fault: Fault) => {
      let left = 1;
      proxy.plan = (operation) => {
        if (!/^(PutItem|TransactWriteItems)$/.test(operation) || left-- <= 0) return undefined;
        aheadMs = 5_000;
        return fault;
      };
    };
    return { log, slow };
  }

  test('a message without a key is not put again: it is said to be unknown, and retryable', async () => {
    const { log, slow } = await openSlow();
    slow('reset-before');

    await expect(log.writer.append([draft('x')], 'n')).rejects.toMatchObject({
      code: 'BACKEND_UNAVAILABLE',
      retryable: true,
    });
    expect(await stored(log)).toEqual(['first in a']);
  });

  test('a message that was only throttled is put again under a young id', async () => {
    const { log, slow } = await openSlow();
    const before = Date.now();
    slow('throttled');

    const [id] = await log.append(draft('x'));

    expect(timeOf(id as never) - before).toBeGreaterThan(1_000);
    expect(await stored(log)).toEqual(['first in a', 'x in a']);
  });

  test('a message with a key is put again under a young id', async () => {
    const { log, slow } = await openSlow();
    slow('reset-before');

    const outcomes = await log.writer.append([draft('x', { idempotencyKey: 'k' })], 'n');

    expect(outcomes).toMatchObject([{ ok: true, duplicate: false }]);
    expect(await stored(log)).toEqual(['first in a', 'x in a']);
  });

  test('a message with a key that was stored all the same is found again', async () => {
    const { log, slow } = await openSlow();
    slow('reset-after');

    const [id] = await log.append(draft('x', { idempotencyKey: 'k' }));

    expect(await stored(log)).toEqual(['first in a', 'x in a']);
    expect(await log.reader.get('test', [{ topic: 'a', id: id as never }])).toHaveLength(1);
  });
});

test('when the store stays away, append rejects within its time-out, retryable', async () => {
  const log = await openBehindProxy({ timeoutMs: 300 });
  proxy.plan = () => 'failed-before';

  await expect(log.writer.append([draft('x'), draft('y')], 'n')).rejects.toMatchObject({
    code: 'BACKEND_UNAVAILABLE',
    retryable: true,
  });
  expect(await stored(log)).toEqual([]);
});

/** Payloads in the order in which they are stored, while two of three calls are throttled. */
function throttledTwiceEach(): readonly string[] {
  const done: string[] = [];
  proxy.plan = (operation, count, body) => {
    if (operation !== 'PutItem') return undefined;
    const fault = count % 3 === 0 ? undefined : 'throttled';
    const [, payload = ''] = /payload\\":(\d+)/.exec(body.toString()) ?? [];
    if (fault === undefined) done.push(payload);
    return fault;
  };
  return done;
}

test('on a topic that is followed in order, drafts of one key go one after the other, failures included', async () => {
  const manifest = { ...emptyManifest, declared: [manifestFamily('a'), manifestFamily('b')], ordered: ['a'] };
  const log = await openBehindProxy({ manifest });
  await log.append(draft('first'));
  const done = throttledTwiceEach();
  const numbers = Array.from({ length: 12 }, (_, n) => n);

  const [some, others] = [numbers.slice(0, 6), numbers.slice(6)];
  const keyed = (n: number) => draft(n, { key: 'k' });
  await Promise.all([log.append(...some.map(keyed)), log.append(...others.map(keyed))]);

  expect(done).toEqual(numbers.map(String));
});

test('answers to one request are stored one after the other, failures included: the first is the one that counts', async () => {
  const log = await openBehindProxy();
  await log.append(draft('first'));
  const done = throttledTwiceEach();

  const numbers = Array.from({ length: 6 }, (_, n) => n);
  await log.append(...numbers.map((n) => draft(n, { topics: ['$reply.01M7ZHJ11YSH2JMAS1S64QG1X4'] })));

  expect(done).toEqual(numbers.map(String));
});
