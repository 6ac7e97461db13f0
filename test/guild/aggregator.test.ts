import fc from 'fast-check';
import { defineFormat, genericJson } from 'guildwire';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { collector, DEADLINE_MS, Part, partsOf, publishAll, results, watchedState } from './aggregator-lab.ts';
import { deadLettersOf, Lab } from './lab.ts';

const names = (count: number) => Array.from({ length: count }, (_, n) => `p${n}`);

test('a collection has one result with its parts, in the order in which they came', async () => {
  await using lab = new Lab();
  const running = await lab.start([collector()]);

  await publishAll(running, partsOf('x', 3).toReversed());
  await lab.clock.quiet();

  expect(await results(running)).toEqual([{ collection: 'x', parts: ['p2', 'p1', 'p0'], bytes: 0, isPartial: false }]);
});

test('there is no result while a part is missing', async () => {
  await using lab = new Lab();
  const running = await lab.start([collector()]);

  await publishAll(running, partsOf('x', 3).slice(1));
  await lab.clock.advance(DEADLINE_MS - 1);

  expect(await results(running)).toEqual([]);
});

test('a collection of one part has its result at once', async () => {
  await using lab = new Lab();
  const running = await lab.start([collector()]);

  await publishAll(running, partsOf('x', 1));
  await lab.clock.advance(3 * DEADLINE_MS);

  expect(await results(running)).toMatchObject([{ parts: ['p0'], isPartial: false }]);
});

test('whatever the order, and with duplicates of every part, each collection has one result with each part once', async () => {
  const arrivals = fc
    .record({
      sizes: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }),
      copies: fc.constantFrom(1, 2, 3),
    })
    .chain(({ sizes, copies }) => {
      const parts = sizes.flatMap((size, n) => partsOf(`c${n}`, size));
      const all = Array.from({ length: copies }, () => parts).flat();
      return fc.record({ sizes: fc.constant(sizes), arrivals: fc.shuffledSubarray(all, { minLength: all.length }) });
    });

  await fc.assert(
    fc.asyncProperty(arrivals, fc.constantFrom(1, 4), async ({ sizes, arrivals }, concurrency) => {
      await using lab = new Lab();
      const running = await lab.start([collector({ concurrency })]);

      await publishAll(running, arrivals);
      await lab.clock.advance(DEADLINE_MS / 2);

      const found = (await results(running)).toSorted((one, other) => (one.collection < other.collection ? -1 : 1));
      expect(found.map(({ collection, parts, isPartial }) => [collection, parts.toSorted(), isPartial])).toEqual(
        sizes.map((size, n) => [`c${n}`, names(size), false]),
      );
    }),
    { numRuns: 40 },
  );
});

test('what is missing after the deadline is left out, once, and a part that comes then is ignored', async () => {
  await using lab = new Lab();
  const running = await lab.start([collector()]);
  const [first, second, third] = partsOf('x', 3) as [never, never, never];

  await publishAll(running, [first]);
  await lab.clock.advance(DEADLINE_MS - 1);
  await publishAll(running, [second]);
  expect(await results(running)).toEqual([]);
  await lab.clock.advance(1);
  await publishAll(running, [third, first, second]);
  await lab.clock.advance(DEADLINE_MS - 1);

  expect(await results(running)).toEqual([{ collection: 'x', parts: ['p0', 'p1'], bytes: 0, isPartial: true }]);
});

test('the deadline of a collection that is complete changes nothing', async () => {
  await using lab = new Lab();
  const running = await lab.start([collector()]);

  await publishAll(running, partsOf('x', 2));
  await lab.clock.advance(10 * DEADLINE_MS);

  expect(await results(running)).toMatchObject([{ isPartial: false }]);
});

test('a collection that is long over begins anew', async () => {
  await using lab = new Lab();
  const running = await lab.start([collector()]);
  await publishAll(running, partsOf('x', 2));
  await lab.clock.advance(3 * DEADLINE_MS);

  await publishAll(running, partsOf('x', 2).toReversed());
  await lab.clock.quiet();

  expect((await results(running)).map(({ parts }) => parts)).toEqual([
    ['p0', 'p1'],
    ['p1', 'p0'],
  ]);
});

test('collections and parts whose names look alike are kept apart', async () => {
  await using lab = new Lab();
  const running = await lab.start([collector()]);
  const parts = [
    { collection: 'a', part: 'b:c', of: 2 },
    { collection: 'a:b', part: 'c', of: 2 },
    { collection: 'a', part: 'c', of: 2 },
    { collection: 'a:b', part: 'b:c', of: 2 },
    { collection: '', part: '', of: 1 },
    { collection: '__proto__', part: 'constructor', of: 1 },
  ];

  await publishAll(running, parts);
  await lab.clock.quiet();

  expect((await results(running)).map(({ collection, parts }) => [collection, parts])).toEqual([
    ['a', ['b:c', 'c']],
    ['a:b', ['c', 'b:c']],
    ['', ['']],
    ['__proto__', ['constructor']],
  ]);
});

test('a part is seen once when it is new, and not when it comes again', async () => {
  await using lab = new Lab();
  const seen: string[] = [];
  const running = await lab.start([collector({ onPart: ({ part }) => void seen.push(part) })]);

  await publishAll(running, [...partsOf('x', 3), ...partsOf('x', 3)]);
  await lab.clock.advance(DEADLINE_MS / 2);

  expect(seen).toEqual(['p0', 'p1', 'p2']);
});

test('parts are decoded once more for the result, so that transforms run for both', async () => {
  await using lab = new Lab();
  const Stamp = defineFormat('stamp', z.object({ at: z.iso.datetime().transform((text) => new Date(text)) }));
  const dates: unknown[] = [];
  const agent = collector({
    collects: Stamp as never,
    collectionOf: () => 'x',
    partOf: (part) => String(part),
    isComplete: () => true,
    onComplete: (parts) => void dates.push(...parts),
  });
  const running = await lab.start([agent]);

  await running.publish('parts', Stamp, { at: '2026-01-01T00:00:00Z' });
  await lab.clock.quiet();

  expect(dates).toEqual([{ at: new Date('2026-01-01T00:00:00Z') }]);
});

test('what else comes to its topic is none of its parts', async () => {
  await using lab = new Lab();
  const running = await lab.start([collector()]);

  await running.publish('parts', genericJson, { collection: 'x', part: 'p0', of: 1 });
  await publishAll(running, partsOf('y', 1));
  await lab.clock.quiet();

  expect((await results(running)).map(({ collection }) => collection)).toEqual(['y']);
  expect(await deadLettersOf(running, 'collector')).toEqual([]);
});

test('a part costs one read and two writes, and a result few reads more, however many parts there are', async () => {
  await using lab = new Lab();
  const { backend, calls } = watchedState(lab);
  const running = await lab.start([collector()], { backend: () => backend });
  const parts = partsOf('x', 20);

  await publishAll(running, parts.slice(1));
  await lab.clock.quiet();
  expect(calls).toEqual({ reads: 19, writes: 2 * 19 });
  await publishAll(running, parts.slice(1));
  await lab.clock.quiet();
  expect(calls).toEqual({ reads: 2 * 19, writes: 2 * 19 });
  calls.reads = 0;
  await publishAll(running, parts.slice(0, 1));
  await lab.clock.advance(0);

  expect((await results(running)).map(({ parts }) => parts.length)).toEqual([20]);
  // The last part, all others, the page that lists them, and two to clean up.
  expect(calls.reads).toBe(5);
});

test('nothing is left of collections that are over: complete, partial, and begun anew', async () => {
  await using lab = new Lab();
  const { backend, kept } = watchedState(lab);
  const running = await lab.start([collector({ concurrency: 3 })], { backend: () => backend });

  await publishAll(running, [...partsOf('complete', 70), ...partsOf('partial', 70).slice(1), ...partsOf('anew', 2)]);
  await lab.clock.advance(DEADLINE_MS / 2);
  expect((await kept()).length).toBeGreaterThan(70);
  await lab.clock.advance(2 * DEADLINE_MS);
  await publishAll(running, partsOf('anew', 2));
  await lab.clock.advance(5 * DEADLINE_MS);

  expect((await results(running)).map(({ collection, isPartial }) => [collection, isPartial])).toEqual([
    ['complete', false],
    ['anew', false],
    ['partial', true],
    ['anew', false],
  ]);
  expect(await kept()).toEqual([]);
  expect(await running.stats()).toMatchObject([{ waiting: 0, dead: 0 }]);
});

test('is refused like any agent that cannot be defined', () => {
  expect(() => collector({ name: 'two words' as never, concurrency: 0 })).toThrow(
    /^agent "two words" cannot be defined so: name: .*; concurrency: got 0/,
  );
  expect(collector()).toMatchObject({ guarantee: 'exactly-once', concurrency: 1, state: genericJson });
  expect(collector().handlers.map(({ format }) => format?.name)).toEqual([Part.name, 'guildwire.aggregator']);
});
