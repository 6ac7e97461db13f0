import type { Draft } from 'guildwire';
import { expect, test } from 'vitest';
import { MemoryLab, NAMESPACE } from './memory-lab.ts';

/** A delivery in two hands: one lost its lease without knowing. */
async function twoAttempts() {
  const lab = new MemoryLab();
  await lab.subscribe('one', { patterns: ['a'] });
  await lab.publish('a', 1);
  const [zombie] = await lab.lease('one', { leaseMs: 1_000 });
  await lab.clock.advance(1_000);
  const [next] = await lab.lease('one', { leaseMs: 1_000 });
  if (zombie?.message === undefined || next === undefined) throw new Error('nothing was handed out');
  const effect = { delivery: `${NAMESPACE}/one/a/${next.key?.id}/0`, ordinal: 0 };
  const draft: Draft = { message: { ...zombie.message, topics: ['b'] }, priority: 4, payloadBytes: 1, effect };
  return { lab, next, store: async () => (await lab.backend.append([draft], 'call'))[0] };
}

test('an effect is found again by an attempt that outlives the delivery', async () => {
  const { lab, next, store } = await twoAttempts();

  const first = await store();
  await lab.settle(next);

  expect(await store()).toEqual({ ...first, duplicate: true });
});

test('effects are let go of when no attempt can still be at work', async () => {
  const { lab, next, store } = await twoAttempts();
  await store();
  await lab.settle(next);
  await lab.clock.advance(3_600_000);
  await lab.publish('a', 2);
  await lab.work('one');

  expect(await store()).toMatchObject({ ok: true, duplicate: false });
});
