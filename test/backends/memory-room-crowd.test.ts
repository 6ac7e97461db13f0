import { expect, test } from 'vitest';
import { MemoryLab, standOf } from './memory-lab.ts';

test('a publisher that waits for room is told when the backend is closed', async () => {
  const lab = new MemoryLab({ maxWaiting: 1 });
  await lab.subscribe('slow');
  await lab.publish('a', 1);
  const stand = standOf(lab.publish('a', 2));
  await lab.clock.quiet();

  await lab.backend[Symbol.asyncDispose]();
  await lab.clock.quiet();

  expect(stand.now()).toBe('BACKEND_UNAVAILABLE');
});

test('what was acknowledged before its start is not counted as leaving twice', async () => {
  const lab = new MemoryLab({ maxWaiting: 1 });
  for (let round = 0; round < 3; round++) {
    await lab.subscribe('once', { guarantee: 'at-most-once' });
    await lab.publish('a', round);
    const leases = await lab.lease('once');
    await lab.backend.start(leases);
    await lab.backend.unsubscribe('lab', 'once');
  }
  await lab.subscribe('once', { guarantee: 'at-most-once' });

  await lab.publish('a', 'fits');
  const stand = standOf(lab.publish('a', 'beyond'));
  await lab.clock.quiet();

  expect(stand.now()).toBe('waits');
});

test('starting twice what is at most once frees its room once', async () => {
  const lab = new MemoryLab({ maxWaiting: 1 });
  await lab.subscribe('once', { guarantee: 'at-most-once' });
  await lab.publish('a', 1);
  const leases = await lab.lease('once');
  await lab.backend.start(leases);
  await lab.backend.start(leases);

  await lab.publish('a', 'fits');
  const stand = standOf(lab.publish('a', 'beyond'));
  await lab.clock.quiet();

  expect(stand.now()).toBe('waits');
});

test('asked for no delivery, it hands out none', async () => {
  const lab = new MemoryLab();
  await lab.subscribe('worker');
  await lab.publish('a', 1);

  expect(await lab.lease('worker', { max: 0 })).toEqual([]);
});
