import { expect, test } from 'vitest';
import { Batcher } from '../../lib/backends/memory/batcher.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('what arrives in one moment is served once, after all of it', async () => {
  const batcher = new Batcher();
  const served: string[] = [];
  const [one, other] = [() => void served.push('one'), () => void served.push('other')];

  for (let n = 0; n < 10; n++) batcher.arrived(n % 2 === 0 ? one : other);
  expect(served).toEqual([]);
  await turn();

  expect(served).toEqual(['one', 'other']);
});

test('what arrives one after the other, each awaited, is served together', async () => {
  const batcher = new Batcher();
  let served = 0;

  for (let n = 0; n < 20; n++) {
    batcher.arrived(() => void served++);
    await Promise.resolve();
  }
  const before = served;
  await turn();

  expect([before, served]).toEqual([0, 20]);
});

test('a stream that never pauses is served all the same', async () => {
  const batcher = new Batcher();
  let arrived = 0;
  let served = 0;
  const serve = () => void served++;

  while (served === 0 && arrived < 10_000) {
    batcher.arrived(serve);
    arrived++;
    await Promise.resolve();
  }

  expect(served).toBe(1);
  expect(arrived).toBeLessThan(1_000);
});

test('what arrives while others are served is served as well, its own kind included', async () => {
  const batcher = new Batcher();
  const served: string[] = [];
  const last = () => void served.push('last');
  const again = () => {
    served.push('again');
    if (served.length < 5) batcher.arrived(again);
    else batcher.arrived(last);
  };

  batcher.arrived(again);
  batcher.arrived(() => {
    served.push('first');
    batcher.arrived(again);
  });
  await turn();

  expect(served.filter((name) => name === 'last')).toEqual(['last']);
  expect(served.slice(0, 2)).toEqual(['again', 'first']);
});

test('every arrival is followed by a serving, however they come', async () => {
  const batcher = new Batcher();
  let waiting = 0;
  let arrived = 0;
  const serve = () => {
    waiting = 0;
  };

  for (let round = 0; round < 50; round++) {
    for (let n = 0; n <= round * 7; n++) {
      arrived++;
      waiting++;
      batcher.arrived(serve);
      if (n % 5 === 0) await Promise.resolve();
    }
    await turn();
    expect(waiting).toBe(0);
  }

  expect(arrived).toBeGreaterThan(5_000);
});
