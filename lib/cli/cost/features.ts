/** @module What each feature adds to a million messages, and whether the guild keeps to what it promises to cost. */
import { total } from './cost-line.ts';
import { type MessageCost, messageCost } from './message-cost.ts';
import type { Prices } from './prices.ts';
import { type DeliveryTerms, standardDelivery, standardWorkload, type Workload } from './workload.ts';

export interface Addition {
  readonly name: string;
  readonly what: string;
  /** Dollars for a million messages. */
  readonly usd: number;
}

export interface Goal {
  readonly name: string;
  readonly what: string;
  readonly usd: number;
  readonly maxUsd: number;
  readonly isKept: boolean;
}

/** Sending and handling, without what is kept. */
export const sendingCost = ({ bus, edge, agents }: MessageCost): number => total(bus) + total(edge) + total(agents);

const once: DeliveryTerms = { ...standardDelivery, guarantee: 'exactly-once' };
const EXACTLY_ONCE: Workload = { ...standardWorkload, deliveries: [once] };

/** Each against the same: one exactly-once agent gets messages of this size, in batches like these. */
export function additionsOf({ messageKb, batch }: Workload, prices: Prices): readonly Addition[] {
  const base = { ...EXACTLY_ONCE, messageKb, batch };
  const usdOf = (workload: Workload) => sendingCost(messageCost(workload, prices));
  const usd = usdOf(base);
  const adds = (name: string, what: string, changes: Partial<Workload>): Addition => ({
    name,
    what,
    usd: usdOf({ ...base, ...changes }) - usd,
  });
  return [
    {
      name: 'exactlyOnce',
      what: 'exactly-once instead of at-least-once',
      usd: usd - usdOf({ ...base, deliveries: [standardDelivery] }),
    },
    adds('agent', 'one more exactly-once agent', { fanOut: 2 }),
    adds('output', 'an output of each delivery: stored with its end, and relayed', { outputs: 1 }),
    adds('threads', 'the thread index', { threads: true }),
    adds('tracing', 'tracing', { tracing: true }),
    adds('lease', 'a lease', { deliveries: [{ ...once, lease: true }] }),
    adds('api', 'publishing through the HTTP API, one message a request', { isViaApi: true }),
    adds('direct', "relay: 'direct'", { isDirect: true }),
    adds('trickle', 'one message at a time instead of batches', { batch: 1 }),
  ];
}

/** Of 1 KB, in full batches, without the thread index. */
export function goalsOf(prices: Prices): readonly Goal[] {
  const bus = total(messageCost(standardWorkload, prices).bus);
  const four = sendingCost(messageCost({ ...EXACTLY_ONCE, fanOut: 4 }, prices));
  return [
    goal('bus', 'the bus alone, one subscriber', bus, 1.5),
    goal('fourAgents', 'four exactly-once agents without outputs', four, 5),
  ];
}

const goal = (name: string, what: string, usd: number, maxUsd: number): Goal => ({
  name,
  what,
  usd,
  maxUsd,
  isKept: usd <= maxUsd,
});
