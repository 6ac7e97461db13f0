import { expect, test } from 'vitest';
import { collector, DEADLINE_MS, type PartOf, partsOf, publishAll, results, watchedState } from './aggregator-lab.ts';
import { deadLettersOf, Lab } from './lab.ts';

test('a part far larger than a state value comes back whole, whatever it is written in', async () => {
  await using lab = new Lab();
  const { backend, kept } = watchedState(lab);
  const texts = ['x'.repeat(300_000), 'ü€'.repeat(60_000), '😀'.repeat(45_001), '"\\\n\u0001'.repeat(30_000), ''];
  const received: string[] = [];
  const agent = collector({ onComplete: (parts) => void received.push(...parts.map(({ text }) => text)) });
  const running = await lab.start([agent], { backend: () => backend });

  await publishAll(
    running,
    texts.map((text, n) => ({ collection: 'x', part: `p${n}`, of: texts.length, text })),
  );
  await lab.clock.quiet();

  expect(received.map((text, n) => text === texts[n])).toEqual(texts.map(() => true));
  await lab.clock.advance(3 * DEADLINE_MS);
  expect(await kept()).toEqual([]);
});

test('a part that is as large as one step takes leaves nothing either, beside many small ones', async () => {
  await using lab = new Lab();
  const watched = watchedState(lab);
  const features = { ...lab.backend.features, maxOutputs: 97 };
  const backend = new Proxy(watched.backend, {
    get: (target, property) => (property === 'features' ? features : Reflect.get(target, property)),
  });
  const running = await lab.start([collector()], { backend: () => backend });
  const [large, ...small] = partsOf('x', 31);

  await publishAll(running, [...small, { ...(large as PartOf), text: 'x'.repeat(1_800_000) }]);
  await lab.clock.advance(3 * DEADLINE_MS);

  expect(await results(running)).toMatchObject([{ bytes: 1_800_000, isPartial: false }]);
  expect(await deadLettersOf(running, 'collector')).toEqual([]);
  expect(await watched.kept()).toEqual([]);
});

test.each([1_057, 3_040])('%i parts make one result, and leave nothing', async (count) => {
  await using lab = new Lab();
  const { backend, kept } = watchedState(lab);
  const running = await lab.start([collector()], { backend: () => backend });
  const parts = partsOf('x', count);

  await publishAll(running, parts);
  await lab.clock.advance(3 * DEADLINE_MS);

  const [result, ...others] = await results(running);
  expect(result?.parts).toEqual(parts.map(({ part }) => part));
  expect(others).toEqual([]);
  expect(await kept()).toEqual([]);
  expect(await deadLettersOf(running, 'collector')).toEqual([]);
});

test('a restart in the middle loses nothing and doubles nothing', async () => {
  await using lab = new Lab();
  const parts = partsOf('x', 6);
  const first = await lab.start([collector()]);
  await publishAll(first, parts.slice(0, 2));
  await lab.clock.quiet();
  await first.drain();

  await publishAll(first, [...parts.slice(1, 3), ...parts.slice(0, 1)]);
  const second = await lab.start([collector()]);
  await lab.clock.quiet();
  expect(await results(second)).toEqual([]);
  await second.drain();
  const third = await lab.start([collector()]);
  await publishAll(third, parts);
  await lab.clock.advance(3 * DEADLINE_MS);

  expect(await results(third)).toEqual([
    { collection: 'x', parts: ['p0', 'p1', 'p2', 'p3', 'p4', 'p5'], bytes: 0, isPartial: false },
  ]);
});

test('a deadline that passes while nobody runs is kept by the next who does', async () => {
  await using lab = new Lab();
  const { backend, kept } = watchedState(lab);
  const first = await lab.start([collector()], { backend: () => backend });
  await publishAll(first, partsOf('x', 3).slice(0, 2));
  await lab.clock.quiet();
  await first.drain();
  await lab.clock.advance(5 * DEADLINE_MS);

  const second = await lab.start([collector()], { backend: () => backend });
  await lab.clock.quiet();

  expect(await results(second)).toMatchObject([{ parts: ['p0', 'p1'], isPartial: true }]);
  await lab.clock.advance(2 * DEADLINE_MS);
  expect(await kept()).toEqual([]);
});

test.each([1, 4])('attempts that fail in between do not double, with %i deliveries at once', async (concurrency) => {
  await using lab = new Lab();
  const { backend, kept } = watchedState(lab);
  let calls = 0;
  const failSometimes = () => {
    if (++calls % 3 !== 0) throw new Error('not now');
  };
  const good = collector();
  const agent = {
    ...good,
    concurrency,
    handlers: good.handlers.map((handler) => ({
      ...handler,
      run: async (payload: never, context: never) => {
        await handler.run(payload, context);
        failSometimes();
      },
    })),
  };
  const running = await lab.start([agent], { backend: () => backend });

  await publishAll(running, [...partsOf('x', 20), ...partsOf('y', 20).slice(1)]);
  await lab.clock.advance(5 * DEADLINE_MS);

  const found = await results(running);
  expect(found.map(({ collection, parts, isPartial }) => [collection, parts.length, isPartial])).toEqual([
    ['x', 20, false],
    ['y', 19, true],
  ]);
  expect(found.map(({ parts }) => new Set(parts).size)).toEqual([20, 19]);
  expect(await kept()).toEqual([]);
  expect(await deadLettersOf(running, 'collector')).toEqual([]);
});

test('the result is tried again when saying it fails, and said once', async () => {
  await using lab = new Lab();
  let failures = 2;
  const said: string[][] = [];
  const agent = collector({
    onComplete: (parts) => {
      if (failures-- > 0) throw new Error('printer on fire');
      said.push(parts.map(({ part }) => part));
    },
  });
  const running = await lab.start([agent]);

  await publishAll(running, [...partsOf('x', 3), ...partsOf('x', 3)]);
  await lab.clock.advance(3 * DEADLINE_MS);

  expect(said).toHaveLength(1);
  expect(said[0]?.toSorted()).toEqual(['p0', 'p1', 'p2']);
});

test('many collections at once, several deliveries at a time: one result each', async () => {
  await using lab = new Lab();
  const { backend, kept } = watchedState(lab);
  const running = await lab.start([collector({ concurrency: 10 })], { backend: () => backend });
  const collections = Array.from({ length: 20 }, (_, n) => partsOf(`c${n}`, 12));

  for (let n = 0; n < 12; n++)
    await publishAll(
      running,
      collections.flatMap((parts) => parts.slice(n, n + 1)),
    );
  await lab.clock.advance(3 * DEADLINE_MS);

  const found = await results(running);
  expect(found.map(({ collection }) => collection).toSorted()).toEqual(collections.map((_, n) => `c${n}`).toSorted());
  expect(found.every(({ parts, isPartial }) => new Set(parts).size === 12 && !isPartial)).toBe(true);
  expect(await kept()).toEqual([]);
});
