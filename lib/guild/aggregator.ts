/**
 * @module An agent that collects parts until they are complete, and then says one thing: once, or after a deadline.
 *
 * It is built from state (S1) and timers (S2) and nothing else, so it survives kills, restarts and duplicates wherever those
 * hold. Each collection has a tally; the parts lie beside it, since a state value is small: one key for each piece of a part,
 * and pages that list the parts.
 */

import { InvalidDefinitionError } from '../core/errors.ts';
import { type Format, genericJson, type OutputOf } from '../core/format.ts';
import type { Json } from '../core/json.ts';
import { durationRule } from '../core/message-rules.ts';
import { show } from '../core/show.ts';
import type { Context } from './context.ts';
import { type Agent, type AgentOptions, defineAgent } from './define-agent.ts';

export interface AggregatorOptions<Name extends string, Out extends string, F extends Format>
  extends Pick<
    AgentOptions<Name, Out, never>,
    'name' | 'entry' | 'subscribes' | 'publishes' | 'retry' | 'from' | 'timeoutMs' | 'use'
  > {
  /** The format of the parts. */
  readonly collects: F;
  /** The collection that a part belongs to: text of at most 200 characters. */
  readonly collectionOf: (part: OutputOf<F>) => string;
  /** What tells a part from the others of its collection; one that comes again is ignored. At most 200 characters. */
  readonly partOf: (part: OutputOf<F>) => string;
  /** Whether `received` parts are all; `latest` is the one that just came. */
  readonly isComplete: (received: number, latest: OutputOf<F>) => boolean;
  /** How long after its first part a collection is closed as it is, in ms. @default 600,000 */
  readonly deadlineMs?: number;
  /** Called once for each part that is new. @default - nothing */
  readonly onPart?: (part: OutputOf<F>, context: Context<Out, typeof genericJson>) => void | Promise<void>;
  /** Called once for each collection, with its parts in the order in which they came. Publish the result here. */
  readonly onComplete: (
    parts: readonly OutputOf<F>[],
    context: Context<Out, typeof genericJson>,
    collection: { readonly id: string; readonly isPartial: boolean },
  ) => void | Promise<void>;
  /** Deliveries handled at once; parts of one collection exclude each other. @default 1 */
  readonly concurrency?: number;
}

/** What an aggregator tells itself. */
type Step = { readonly collection: string } & (
  | { readonly step: 'deadline' | 'forget' }
  | { readonly step: 'clean'; readonly from: number; readonly to: number }
);
const AggregatorStep = { ...genericJson, name: 'guildwire.aggregator' } as Format<'guildwire.aggregator', Step, Step>;

/** What a page lists: the name of each part, and how many pieces it has. */
type Page = readonly (readonly [part: string, pieces: number])[];
/** `last` is the page that is not full yet, so that a part changes no more than the tally. */
type Tally = { readonly received: number; readonly pages: number; readonly last: Page; readonly isDone: boolean };

const DEFAULT_DEADLINE_MS = 600_000;
/** A character is at most 3 bytes in the JSON of a JSON text, and a state value has at most 64 KB. */
const PIECE_CHARACTERS = 20_000;
/** Pieces that a page lists, so that deleting one is a small step. */
const PAGE_PIECES = 32;

/** Ranges that a range of pages is split into, so that a large collection is cleaned in few generations. */
const CLEAN_FAN_OUT = 32;

/** What the functions below need of a context, whatever its agent publishes. */
type Access = Pick<Context<string, typeof genericJson>, 'state' | 'message' | 'later'>;

/**
 * An agent that collects parts. A part or a duplicate that comes after the result is ignored, for as long again as the
 * deadline; after that it would begin a new collection. What limits the parts (a root's `deadlineAt`, its
 * budget) limits the aggregator's own timers too: give such roots more than `deadlineMs`.
 *
 * @throws InvalidDefinitionError with everything that is wrong.
 * @example
 * export default defineAggregator({
 *   name: 'poll', entry: import.meta.url, subscribes: ['votes'], publishes: ['results'], collects: Vote,
 *   collectionOf: (vote) => vote.poll, partOf: (vote) => vote.voter, isComplete: (received) => received === 3,
 *   onComplete: (votes, context) => context.publish('results', Result, { yes: votes.filter((vote) => vote.yes).length }),
 * });
 */
export function defineAggregator<const Name extends string, const Out extends string, F extends Format>(
  options: AggregatorOptions<Name, Out, F>,
): Agent<Name> {
  const { collects, collectionOf, partOf, isComplete, onPart, onComplete, concurrency = 1, ...rest } = options;
  const { deadlineMs = DEFAULT_DEADLINE_MS, ...agentOptions } = rest;

  const problem = durationRule(deadlineMs);
  if (problem !== undefined) {
    throw new InvalidDefinitionError(`aggregator ${show(options.name)}`, [{ field: 'deadlineMs', problem }]);
  }

  const close = async (id: string, tally: Tally, context: Context<Out, typeof genericJson>, isPartial: boolean) => {
    const parts = (await loadParts(id, tally, context)).map((wire) => collects.decode(wire) as OutputOf<F>);
    await onComplete(parts, context, { id, isPartial });
    context.state.set(pageKey(id, tally.pages), tally.last);
    context.state.set(tallyKey(id), { ...tally, last: [], isDone: true });
    context.later(0, AggregatorStep, { step: 'clean', collection: id, from: 0, to: tally.pages + 1 });
    context.later(deadlineMs, AggregatorStep, { step: 'forget', collection: id });
  };

  return defineAgent<Name, Out, typeof genericJson>({
    ...agentOptions,
    concurrency,
    state: genericJson,
    handlers: (on) => [
      on(collects, async (part, context) => {
        const id = collectionOf(part);
        const name = partOf(part);
        const [tally, known] = await Promise.all([loadTally(id, context), context.state.get(pieceKey(id, name, 0))]);
        if (tally?.isDone || known !== undefined) return;
        storePart(id, name, tally, context);
        if (tally === undefined) context.later(deadlineMs, AggregatorStep, { step: 'deadline', collection: id });
        await onPart?.(part, context);
        const now = (await loadTally(id, context)) as Tally;
        if (isComplete(now.received, part)) await close(id, now, context, false);
      }),
      on(AggregatorStep, async (step, context) => {
        const id = step.collection;
        if (step.step === 'clean') return clean(id, step.from, step.to, context);
        if (step.step === 'forget') return context.state.delete(tallyKey(id));
        const tally = await loadTally(id, context);
        if (tally !== undefined && !tally.isDone) await close(id, tally, context, true);
      }),
    ],
  });
}

const tallyKey = (id: string) => `tally:${id}`;
const pageKey = (id: string, page: number) => `page:${page}:${id}`;
const pieceKey = (id: string, part: string, piece: number) => `part:${piece}:${id.length}:${id}:${part}`;

async function loadTally(id: string, { state }: Access): Promise<Tally | undefined> {
  return (await state.get(tallyKey(id))) as Tally | undefined;
}

async function loadPage(id: string, page: number, { state }: Access): Promise<Page> {
  return ((await state.get(pageKey(id, page))) ?? []) as unknown as Page;
}

/** Adds the part that is being handled. */
function storePart(id: string, part: string, tally: Tally | undefined, { state, message }: Access): void {
  const { received, pages, last } = tally ?? { received: 0, pages: 0, last: [] };
  const text = JSON.stringify(message.payload);
  const pieces = Math.ceil(text.length / PIECE_CHARACTERS);
  for (let piece = 0; piece < pieces; piece++) {
    state.set(pieceKey(id, part, piece), text.slice(piece * PIECE_CHARACTERS, (piece + 1) * PIECE_CHARACTERS));
  }
  const listed = last.reduce((sum, [, count]) => sum + count, 0);
  // A large part has a page of its own: deleting it is then no larger a step than storing it.
  const isFull = last.length > 0 && listed + pieces > PAGE_PIECES;
  if (isFull) state.set(pageKey(id, pages), last);
  const open: Page = [...(isFull ? [] : last), [part, pieces]];
  state.set(tallyKey(id), { received: received + 1, pages: isFull ? pages + 1 : pages, last: open, isDone: false });
}

async function loadParts(id: string, tally: Tally, context: Access): Promise<readonly Json[]> {
  const pages = await Promise.all(Array.from({ length: tally.pages }, (_, page) => loadPage(id, page, context)));
  return Promise.all(
    [...pages.flat(), ...tally.last].map(async ([part, count]) => {
      const keys = Array.from({ length: count }, (_, piece) => pieceKey(id, part, piece));
      const pieces = await Promise.all(keys.map((key) => context.state.get(key)));
      return JSON.parse(pieces.join('')) as Json;
    }),
  );
}

/** Deletes one page and its parts, or splits the range, so that no step is large however many parts there were. */
async function clean(id: string, from: number, to: number, context: Access): Promise<void> {
  if (to - from > 1) {
    const size = Math.ceil((to - from) / CLEAN_FAN_OUT);
    for (let start = from; start < to; start += size) {
      const range = { from: start, to: Math.min(start + size, to) };
      context.later(0, AggregatorStep, { step: 'clean', collection: id, ...range });
    }
    return;
  }
  for (const [part, count] of await loadPage(id, from, context)) {
    for (let piece = 0; piece < count; piece++) context.state.delete(pieceKey(id, part, piece));
  }
  context.state.delete(pageKey(id, from));
}
