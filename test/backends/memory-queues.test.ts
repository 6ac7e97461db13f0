import fc from 'fast-check';
import { createGemstoneIdGenerator, type GemstoneId, type Priority, priorityOf } from 'guildwire';
import { seededRandom } from 'guildwire/testing';
import { describe, expect, test } from 'vitest';
import { MinHeap } from '../../lib/backends/memory/min-heap.ts';
import { PriorityBuckets } from '../../lib/backends/memory/priority-buckets.ts';
import { OpenList } from '../../lib/core/open-list.ts';

interface Item {
  readonly id: GemstoneId;
}

const isBefore = (one: Item, other: Item) => priorityOf(one.id) - priorityOf(other.id) || (one.id < other.id ? -1 : 1);

describe('priority buckets', () => {
  type Step = { readonly do: 'push' | 'late'; readonly priority: Priority } | { readonly do: 'pop' };
  const priority = fc.integer({ min: 0, max: 9 }) as fc.Arbitrary<Priority>;
  const steps = fc.array<Step>(
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('push' as const), priority }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('late' as const), priority }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('pop' as const) }) },
    ),
    { maxLength: 300 },
  );

  test('give what a sorted list would give, whatever comes and goes', () => {
    fc.assert(
      fc.property(steps, (taken) => {
        let now = 1_000_000;
        const ids = createGemstoneIdGenerator(() => now, seededRandom(1));
        const old = createGemstoneIdGenerator(() => now - 500_000, seededRandom(2));
        const buckets = new PriorityBuckets<Item>();
        let oracle: Item[] = [];

        for (const step of taken) {
          now++;
          if (step.do === 'pop') {
            const [first, ...rest] = oracle.toSorted(isBefore);
            expect(buckets.pop()).toBe(first);
            oracle = rest;
          } else {
            const item = { id: (step.do === 'push' ? ids : old).next(step.priority) };
            if (step.do === 'push') buckets.push(item);
            else buckets.pushLate(item);
            oracle.push(item);
          }
          expect(buckets.size).toBe(oracle.length);
        }
        expect(new Set(buckets.values())).toEqual(new Set(oracle));
        expect([...buckets.values()]).toHaveLength(oracle.length);
      }),
    );
  });

  test('keep their order over thousands of items that come while others go', () => {
    const ids = createGemstoneIdGenerator(() => 1, seededRandom(1));
    const buckets = new PriorityBuckets<Item>();
    const pushed: Item[] = [];
    const popped: (Item | undefined)[] = [];

    for (let n = 0; n < 10_000; n++) {
      const item = { id: ids.next(4) };
      pushed.push(item);
      buckets.push(item);
      if (n % 3 !== 0) popped.push(buckets.pop());
    }
    while (buckets.size > 0) popped.push(buckets.pop());

    expect(popped.every((item, index) => item === pushed[index])).toBe(true);
    expect([popped.length, buckets.pop(), [...buckets.values()]]).toEqual([10_000, undefined, []]);
  });
});

describe('a min-heap', () => {
  test('gives the least of what it holds, whatever comes and goes', () => {
    const steps = fc.array(fc.option(fc.integer({ min: 0, max: 50 }), { nil: undefined }), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (taken) => {
        const heap = new MinHeap<number>((one, other) => one < other);
        let oracle: number[] = [];

        for (const value of taken) {
          if (value === undefined) {
            const [first, ...rest] = oracle.toSorted((one, other) => one - other);
            expect(heap.peek()).toBe(first);
            expect(heap.pop()).toBe(first);
            oracle = rest;
          } else {
            heap.push(value);
            oracle.push(value);
          }
          expect(heap.size).toBe(oracle.length);
          expect(heap.values().toSorted()).toEqual(oracle.toSorted());
        }
      }),
    );
  });
});

describe('an open list', () => {
  test('knows what is open, in order, whatever is closed and how often', () => {
    const steps = fc.array(fc.oneof(fc.constant('add' as const), fc.nat()), { maxLength: 400 });
    fc.assert(
      fc.property(steps, (taken) => {
        const list = new OpenList<{ isOpen: boolean; readonly n: number }>();
        const items: { isOpen: boolean; readonly n: number }[] = [];
        const closed = new Set<number>();

        for (const step of taken) {
          if (step === 'add') {
            const item = { isOpen: true, n: items.length };
            items.push(item);
            list.add(item);
          } else if (items.length > 0) {
            const item = items[step % items.length] as (typeof items)[number];
            expect(list.close(item)).toBe(!closed.has(item.n));
            closed.add(item.n);
          }
          const open = items.filter(({ n }) => !closed.has(n));
          expect([list.size, list.first(), list.open()]).toEqual([open.length, open[0], open]);
        }
      }),
    );
  });

  test('lets go of what is closed while much is open', () => {
    const list = new OpenList<{ isOpen: boolean }>();
    const items = Array.from({ length: 1_000 }, () => ({ isOpen: true }));
    for (const item of items) list.add(item);

    for (const item of items.slice(10)) list.close(item);
    for (const item of list.open()) list.close(item);

    expect([list.size, list.first(), list.open()]).toEqual([0, undefined, []]);
    expect(items.every(({ isOpen }) => !isOpen)).toBe(true);
  });
});
