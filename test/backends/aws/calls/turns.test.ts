import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromAttributes, type Plain, toAttributes } from '../../../../lib/backends/aws/calls/attribute-values.ts';
import { Slots } from '../../../../lib/backends/aws/calls/slots.ts';
import { Turns } from '../../../../lib/backends/aws/calls/turns.ts';

test('no more pieces of work run at a time than there are slots, in the order in which they came, failures included', async () => {
  const slots = new Slots(3);
  const begun: number[] = [];
  let running = 0;
  let most = 0;

  const outcomes = await Promise.allSettled(
    Array.from({ length: 10 }, (_, n) =>
      slots.run(async () => {
        begun.push(n);
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        if (n % 2 === 0) throw new Error(`${n}`);
        return n;
      }),
    ),
  );

  expect(most).toBe(3);
  expect(begun).toEqual(Array.from({ length: 10 }, (_, n) => n));
  expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual(begun.map((n) => n % 2 === 1));
});

test('work under a name waits for all work that was given under it before, and other work does not', async () => {
  const turns = new Turns();
  const said: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const failing = turns.run(['a', 'b'], async () => {
    await promise;
    said.push('first');
    throw new Error('first');
  });
  const second = turns.run(['b'], async () => said.push('second'));
  const third = turns.run(['a', 'c'], async () => said.push('third'));
  await turns.run(['d'], async () => said.push('other'));
  await turns.run([], async () => said.push('nameless'));

  resolve();

  await expect(failing).rejects.toThrow('first');
  await Promise.all([second, third]);
  expect(said).toEqual(['other', 'nameless', 'first', 'second', 'third']);
});

test('any value comes back from its attributes', () => {
  const value = fc.letrec<{ any: Plain }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      fc.string(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array(),
      fc.array(tie('any')),
      fc.dictionary(fc.string(), tie('any'), { noNullPrototype: true }),
    ),
  })).any;
  fc.assert(
    fc.property(fc.dictionary(fc.string(), value, { noNullPrototype: true }), (values) => {
      expect(fromAttributes(toAttributes(values))).toEqual(values);
    }),
  );
  expect(toAttributes({ left: undefined })).toEqual({});
});
