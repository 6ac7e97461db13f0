import {
  type Agent,
  type AggregatorOptions,
  type Backend,
  defineAggregator,
  defineFormat,
  type Json,
  type RunningGuild,
  type Settlement,
} from 'guildwire';
import * as z from 'zod';
import { borrowed, type Lab } from './lab.ts';

export const Part = defineFormat(
  'part',
  z.object({ collection: z.string(), part: z.string(), of: z.int(), text: z.string().default('') }),
);
export const Result = defineFormat(
  'result',
  z.object({ collection: z.string(), parts: z.array(z.string()), bytes: z.int(), isPartial: z.boolean() }),
);

export interface PartOf {
  readonly collection: string;
  readonly part: string;
  readonly of: number;
  readonly text?: string;
}

type Options = Partial<AggregatorOptions<'collector', 'results', typeof Part>>;

export const DEADLINE_MS = 60_000;

/** An agent that collects as many parts as the parts say, for a minute at most. */
export function collector(options: Options = {}): Agent<'collector'> {
  return defineAggregator({
    name: 'collector',
    entry: import.meta.url,
    subscribes: ['parts'],
    publishes: ['results'],
    collects: Part,
    collectionOf: ({ collection }) => collection,
    partOf: ({ part }) => part,
    isComplete: (received, { of }) => received === of,
    deadlineMs: DEADLINE_MS,
    retry: { attempts: 20, baseMs: 100, maxMs: 100 },
    onComplete: (parts, context, { id, isPartial }) => {
      const bytes = parts.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
      context.publish('results', Result, { collection: id, parts: parts.map(({ part }) => part), bytes, isPartial });
    },
    ...options,
  });
}

/** The parts `p0`, `p1`, … of a collection. */
export const partsOf = (collection: string, of: number): readonly PartOf[] =>
  Array.from({ length: of }, (_, n) => ({ collection, part: `p${n}`, of }));

export async function publishAll(running: RunningGuild, parts: readonly PartOf[]): Promise<void> {
  for (const part of parts) await running.publish('parts', Part, part);
}

export interface Collected {
  readonly collection: string;
  readonly parts: readonly string[];
  readonly bytes: number;
  readonly isPartial: boolean;
}

/** What the agent said, in order. */
export async function results(running: RunningGuild): Promise<readonly Collected[]> {
  const { items } = await running.read({ topic: 'results', limit: 1_000 });
  return items.map(({ payload }) => payload as unknown as Collected);
}

/** The lab's backend; which of the state keys written through it are there; and how often it was read, and a key written. */
export function watchedState(lab: Lab) {
  const written = new Set<string>();
  const calls = { reads: 0, writes: 0 };
  const settle = (settlements: readonly Settlement[]) => {
    for (const settlement of settlements) {
      if (settlement.kind !== 'completed') continue;
      for (const { key } of settlement.state) written.add(key);
      calls.writes += settlement.state.length;
    }
    return lab.backend.settle(settlements);
  };
  const state: Backend['state'] = (...request) => {
    calls.reads++;
    return lab.backend.state(...request);
  };
  const backend: Backend = new Proxy(borrowed(lab.backend), {
    get: (target, property) => ({ settle, state })[String(property)] ?? Reflect.get(target, property),
  });
  const kept = async () => {
    const keys = [...written];
    const values: readonly { readonly value: Json | undefined }[] = await lab.backend.state(
      'default',
      'collector',
      keys,
    );
    return keys.filter((_, index) => values[index]?.value !== undefined);
  };
  return { backend, kept, calls };
}
