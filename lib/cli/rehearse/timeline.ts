/** @module How long each hop took, for a person and for a program. */
import type { Io } from '../io.ts';
import { durationText } from '../views/message-view.ts';
import { toTable } from '../views/table.ts';
import type { Delivery } from './hops.ts';

export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const hops = {
  streamMs: 'log → relay',
  relayMs: 'relay → SNS',
  queueMs: 'SNS → queue → function',
  coldMs: 'start of its process',
  handlerMs: 'function, with its batch',
  totalMs: 'stored → handled',
} as const;
type Hop = keyof typeof hops;

/** In ms, by hop; a hop that nobody took is left out. */
export function spreadsOf(deliveries: readonly Delivery[]): { readonly [Name in Hop]?: Spread } {
  const spreads = Object.keys(hops).flatMap((hop) => {
    const times = deliveries.flatMap((delivery) => delivery[hop as Hop] ?? []).toSorted((one, other) => one - other);
    return times.length === 0 ? [] : [[hop, spreadOf(times)] as const];
  });
  return Object.fromEntries(spreads);
}

function spreadOf(sorted: readonly number[]): Spread {
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

const SHOWN = 40;

/** The deliveries, as they were done, and the spread of each hop below them. */
export function toTimeline(deliveries: readonly Delivery[], io: Io): readonly string[] {
  if (deliveries.length === 0) return ['no agent was handed anything'];
  const first = Math.min(...deliveries.map(({ storedAt }) => storedAt));
  const shown = deliveries.slice(0, SHOWN).toSorted((one, other) => one.storedAt - other.storedAt);
  const dim = (text: string) => io.paint('dim', text);
  const rows = shown.map((delivery) => [
    dim(`+${durationText(delivery.storedAt - first)}`),
    `${io.paint('green', delivery.topic)} → ${io.paint('cyan', delivery.agent)}`,
    ...(['streamMs', 'relayMs', 'queueMs', 'coldMs', 'handlerMs'] as const).map((hop) => cell(delivery[hop])),
    delivery.failed ? io.paint('red', `${cell(delivery.totalMs)} comes again`) : cell(delivery.totalMs),
  ]);
  const head = ['stored', 'message → agent', 'log', 'relay', 'queue', 'start', 'function', 'in all'].map(dim);
  const rest = deliveries.length - shown.length;
  return [
    ...toTable([head, ...rows]),
    ...(rest > 0 ? [dim(`and ${rest} more deliveries`)] : []),
    '',
    ...toTable([
      ['hop', 'p50', 'p99', 'longest', 'of'].map(dim),
      ...Object.entries(spreadsOf(deliveries)).map(([hop, { p50, p99, max, count }]) => [
        hops[hop as Hop],
        durationText(p50),
        durationText(p99),
        durationText(max),
        `${count}`,
      ]),
    ]),
  ];
}

const cell = (ms: number | undefined) => (ms === undefined ? '-' : durationText(ms));
