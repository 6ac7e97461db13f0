/** 10,000 deliveries wait; one comes and one goes. */
import { createGemstoneIdGenerator, type GemstoneId, type Priority, priorityOf } from 'guildwire';
import { MinHeap } from '../lib/backends/memory/min-heap.ts';
import { PriorityBuckets } from '../lib/backends/memory/priority-buckets.ts';
import type { Case } from './rounds.ts';

const WAITING = 10_000;
const PER_ROUND = 10_000;

export function queueCases(): readonly Case[] {
  const ids = createGemstoneIdGenerator(Date.now);
  const heap = new MinHeap<string>((one, other) => one < other);
  const buckets = new PriorityBuckets<{ readonly id: GemstoneId }>();
  let made = 0;
  const next = () => ids.next((made++ % 10) as Priority);
  const keyOf = (id: string) => id.slice(25) + id;
  for (let n = 0; n < WAITING; n++) {
    heap.push(keyOf(next()));
    buckets.push({ id: next() });
  }
  let keys: string[] = [];
  let items: { readonly id: GemstoneId }[] = [];
  return [
    {
      name: 'binary heap of string keys',
      count: PER_ROUND,
      prepare: () => {
        keys = Array.from({ length: PER_ROUND }, () => keyOf(next()));
      },
      run: (count) => {
        for (let n = 0; n < count; n++) {
          heap.push(keys[n] as string);
          heap.pop();
        }
      },
    },
    {
      name: 'priority buckets',
      count: PER_ROUND,
      prepare: () => {
        items = Array.from({ length: PER_ROUND }, () => ({ id: flat(next()) }));
      },
      run: (count) => {
        for (let n = 0; n < count; n++) {
          buckets.push(items[n] as { readonly id: GemstoneId });
          buckets.pop();
        }
      },
    },
  ];
}

/** The engine joins the parts of a new text when it is first looked into; here that is no work of the queue's. */
function flat(id: GemstoneId): GemstoneId {
  return priorityOf(id) >= 0 ? id : id;
}
