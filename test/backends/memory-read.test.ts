import type { Cursor, GemstoneId, ReadQuery } from 'guildwire';
import { expect, test } from 'vitest';
import { MemoryLab, NAMESPACE } from './memory-lab.ts';

/** Ten messages on one topic, and their ids. */
async function ten(): Promise<{ readonly lab: MemoryLab; readonly ids: readonly GemstoneId[] }> {
  const lab = new MemoryLab();
  const ids: GemstoneId[] = [];
  for (let n = 0; n < 10; n++) ids.push((await lab.publish('a', n)) as GemstoneId);
  return { lab, ids };
}

const query = { namespace: NAMESPACE, where: { topic: 'a' }, order: 'id', limit: 100 } as const satisfies ReadQuery;
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);

async function read(lab: MemoryLab, change: Partial<ReadQuery>) {
  const { items, next } = await lab.backend.read({ ...query, ...change });
  return { payloads: items.map(({ payload }) => payload), next };
}

test.each([1, 3, 9, 10, 11])('pages of %i hold so many and no more, and only the last has no cursor', async (limit) => {
  const { lab } = await ten();

  for (const order of ['id', 'id-desc'] as const) {
    const sizes: number[] = [];
    const all: unknown[] = [];
    let after: Cursor | undefined;
    do {
      const page = await read(lab, { limit, order, ...(after !== undefined && { after }) });
      sizes.push(page.payloads.length);
      all.push(...page.payloads);
      after = page.next;
    } while (after !== undefined);

    expect(sizes).toEqual(Array.from({ length: Math.ceil(10 / limit) }, (_, n) => Math.min(limit, 10 - n * limit)));
    expect(all).toEqual(order === 'id' ? numbers(0, 10) : numbers(0, 10).toReversed());
  }
});

test('reading behind an id goes on from there, and never beyond the ends of the query', async () => {
  const { lab, ids } = await ten();
  const [from, to] = [ids[3], ids[6]] as [GemstoneId, GemstoneId];
  const behind = async (order: 'id' | 'id-desc', n: number) =>
    (await read(lab, { from, to, order, after: ids[n] as GemstoneId })).payloads;

  expect(await behind('id', 4)).toEqual([5, 6]);
  expect(await behind('id', 0)).toEqual([3, 4, 5, 6]);
  expect(await behind('id', 9)).toEqual([]);
  expect(await behind('id-desc', 5)).toEqual([4, 3]);
  expect(await behind('id-desc', 9)).toEqual([6, 5, 4, 3]);
  expect(await behind('id-desc', 0)).toEqual([]);
});

test('a page may be bounded by points between messages, before the first, and after the last', async () => {
  const { lab, ids } = await ten();
  const between = (ids[4] as string).replace(/.$/, '9') as GemstoneId;
  const [first, last] = ['0'.repeat(26), `7${'Z'.repeat(24)}9`] as [GemstoneId, GemstoneId];

  expect((await read(lab, { from: between })).payloads).toEqual(numbers(5, 10));
  expect((await read(lab, { to: between })).payloads).toEqual(numbers(0, 5));
  expect((await read(lab, { from: first, to: last })).payloads).toEqual(numbers(0, 10));
  expect((await read(lab, { from: last })).payloads).toEqual([]);
  expect((await read(lab, { to: first })).payloads).toEqual([]);
  expect((await read(lab, { from: ids[6] as GemstoneId, to: ids[3] as GemstoneId })).payloads).toEqual([]);
});
