/** @module All that `guildwire cost` says, as data; `--json` prints it as it is. */
import { UsageError } from '../failure.ts';
import { type CostLine, total } from './cost-line.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { type Addition, additionsOf, type Goal, goalsOf, sendingCost } from './features.ts';
import { idleCost } from './idle-cost.ts';
import { messageCost } from './message-cost.ts';
import { type ObservedCounts, observedCost } from './observed.ts';
import type { Price, PriceTable } from './prices.ts';
import { kindOf, type ResourceKind } from './resource-kinds.ts';
import { functionsOf } from './stack-functions.ts';
import { type DeliveryTerms, type Workload, type WorkloadChanges, workloadOf } from './workload.ts';

/** A line with its price, so that it can be checked without the table. */
export interface ReportedLine extends Omit<CostLine, 'price'> {
  readonly price: Price;
}

export interface Part {
  readonly usd: number;
  readonly lines: readonly ReportedLine[];
}

export interface ResourceCount {
  readonly type: string;
  /** Undefined for a type of which nobody knows what it costs. */
  readonly kind?: string;
  readonly costs: ResourceKind['costs'] | 'unknown';
  readonly count: number;
}

export interface CostReport {
  readonly stack: string;
  readonly region: string;
  /** The day of the prices. */
  readonly pricesOf: string;
  readonly resources: readonly ResourceCount[];
  /** Of 30 days. */
  readonly idle: Part;
  readonly workload: ReportedWorkload;
  /** Of a million messages; `kept` is not in `usd`. */
  readonly million: {
    readonly usd: number;
    readonly bus: Part;
    readonly edge: Part;
    readonly agents: Part;
    readonly kept: Part;
  };
  readonly adds: readonly Addition[];
  readonly goals: readonly Goal[];
  /** Of a million messages, as they were counted. */
  readonly observed?: Part & { readonly messages: number };
  readonly notPriced: readonly string[];
}

export interface ReportedWorkload extends Omit<Workload, 'deliveries' | 'relay' | 'ingest'> {
  readonly relayMemoryMb: number;
  readonly deliveries: readonly (Omit<DeliveryTerms, 'function'> & { readonly memoryMb: number })[];
}

export interface ReportOptions {
  readonly stack: DeployedStack;
  readonly table: PriceTable;
  readonly changes: WorkloadChanges;
  readonly observed?: ObservedCounts;
}

/** @throws UsageError where nothing in the stack is a guild's. */
export function costReport({ stack, table, changes, observed }: ReportOptions): CostReport {
  if (!holdsGuild(stack)) throw new UsageError(`stack "${stack.name}" holds no guild: name another with --stack`);
  const { prices } = table;
  const partOf = (lines: readonly CostLine[]): Part => ({
    usd: total(lines),
    lines: lines.map((line) => ({ ...line, price: prices[line.price] })),
  });
  const idle = idleCost(stack, prices);
  const workload = workloadOf(stack, changes);
  const cost = messageCost(workload, prices);
  const counted = observed && observedCost(observed, prices);
  return {
    stack: stack.name,
    region: table.region,
    pricesOf: table.date,
    resources: countsOf(stack),
    idle: partOf(idle.lines),
    workload: reported(workload),
    million: {
      usd: sendingCost(cost),
      bus: partOf(cost.bus),
      edge: partOf(cost.edge),
      agents: partOf(cost.agents),
      kept: partOf(cost.kept),
    },
    adds: additionsOf(workload, prices),
    goals: goalsOf(prices),
    ...(observed !== undefined &&
      counted !== undefined && { observed: { messages: observed.messages, ...partOf(counted.lines) } }),
    notPriced: [...idle.notPriced, ...(counted?.notPriced ?? [])],
  };
}

function holdsGuild(stack: DeployedStack): boolean {
  const { agents, relay } = functionsOf(stack);
  return stack.manifest !== undefined || agents.size > 0 || relay !== undefined;
}

/** What costs something first, and of these what there is most of. */
function countsOf({ resources }: DeployedStack): readonly ResourceCount[] {
  const counts = new Map<string, number>();
  for (const { type } of resources) counts.set(type, (counts.get(type) ?? 0) + 1);
  const order: readonly ResourceCount['costs'][] = ['unknown', 'idle', 'use', 'nothing'];
  return [...counts]
    .map(([type, count]): ResourceCount => {
      const kind = kindOf(type);
      return kind === undefined
        ? { type, costs: 'unknown', count }
        : { type, kind: kind.name, costs: kind.costs, count };
    })
    .toSorted(
      (a, b) =>
        order.indexOf(a.costs) - order.indexOf(b.costs) || b.count - a.count || a.type.localeCompare(b.type, 'en'),
    );
}

function reported({ deliveries, relay, ingest: _, ...workload }: Workload): ReportedWorkload {
  return {
    ...workload,
    relayMemoryMb: relay.memoryMb,
    deliveries: deliveries.map(({ function: { memoryMb }, ...terms }) => ({ ...terms, memoryMb })),
  };
}
