import { expect, test } from 'vitest';
import { Order, Receipt } from '../../../examples/quickstart/formats.ts';
import shop from '../../../examples/quickstart/guild.ts';
import { Stage } from '../../../lib/cli/rehearse/stage.ts';
import type { Message } from '../../../lib/core/message.ts';
import crowd, { names } from './fixtures/crowd.ts';
import { Note, Seen } from './fixtures/note.ts';
import { synthesized } from './stack.ts';

const open = (assembly: string) =>
  Stage.open({ assembly, stack: undefined, namespace: undefined, timeoutMs: 600_000, log: undefined });

const said = (stage: Stage, topic: string) => all(stage.client.history({ topic }));

async function all(messages: AsyncIterable<Message>): Promise<readonly Message[]> {
  const found: Message[] = [];
  for await (const message of messages) found.push(message);
  return found;
}

test('the shop of the quickstart gives a receipt, and a dead letter for the order that meets its bug', async () => {
  using assembly = synthesized({ guild: shop });
  await using stage = await open(assembly.folder);
  const { client } = stage;
  const lines = [{ product: 'tea', count: 2, cents: 450 }];

  const good = await client.publish('orders', Order, { lines, coupon: 'half' });
  const bad = await client.publish('orders', Order, { lines });
  await stage.settled();

  expect((await said(stage, 'receipts')).map(({ payload }) => Receipt.decode(payload).text)).toEqual([
    'That is 4.50 €, thank you.',
  ]);
  const letters = await all(client.deadLetters('pricer'));
  expect(letters).toMatchObject([{ payload: { reason: 'failed', errors: [{}, {}, {}] } }]);
  expect(letters[0]?.thread[0]).toContain(bad);
  const topics = (await all(client.thread(good))).map(({ topic }) => topic);
  expect(topics).toEqual(['orders', 'orders.accepted', 'prices', 'receipts']);
}, 900_000);

test('each of twelve agents gets each message of the topic they follow, and answers it once', async () => {
  const MESSAGES = 20;
  using assembly = synthesized({ guild: crowd });
  await using stage = await open(assembly.folder);

  const outcomes = await stage.client.publishMany(
    Array.from({ length: MESSAGES }, (_, n) => ({ topics: 'notes', format: Note, payload: { n } })),
  );
  await stage.settled();

  expect(outcomes.filter(({ ok }) => ok)).toHaveLength(MESSAGES);
  const seen = (await said(stage, 'seen')).map(({ payload, sender }) => {
    const { n, by } = Seen.decode(payload);
    expect(sender.id).toBe(by);
    return `${by} ${n}`;
  });
  const expected = names.flatMap((name) => Array.from({ length: MESSAGES }, (_, n) => `${name} ${n}`));
  expect(seen.toSorted()).toEqual(expected.toSorted());
  expect(stage.hops.deliveries).toHaveLength(MESSAGES * names.length);
  expect(stage.hops.deliveries.filter(({ failed }) => failed)).toEqual([]);
}, 900_000);
