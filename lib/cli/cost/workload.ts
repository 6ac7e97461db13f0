/** @module What a million messages are taken to be: every number that their price depends on. */
import type { ManifestAgent } from '../../environment/guild-manifest.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { functionsOf, type StackFunction, sourcesOf } from './stack-functions.ts';

/** A part of the deliveries that are handled alike. */
export interface DeliveryTerms {
  /** Of all deliveries; all of them make 1. */
  readonly share: number;
  readonly guarantee: ManifestAgent['guarantee'];
  readonly lease: boolean;
  readonly isOrdered: boolean;
  /** The most deliveries that one invocation takes. */
  readonly batchSize: number;
  readonly function: StackFunction;
}

export interface Workload {
  /** Of the payload, as JSON, before it is compressed. */
  readonly messageKb: number;
  /** Agents that get a message. */
  readonly fanOut: number;
  /** Messages that are there at once, for publishing, receiving and handling; 1 is a trickle. */
  readonly batch: number;
  /** Messages that an agent publishes for each that it handles; of the same size. */
  readonly outputs: number;
  /** How long a handler takes. Those of one batch run side by side. */
  readonly handlerMs: number;
  readonly threads: boolean;
  readonly tracing: boolean;
  /** Publishers go through the HTTP API, one message a request, instead of writing into the log themselves. */
  readonly isViaApi: boolean;
  /** Publishers hand on to SNS themselves (`relay: 'direct'`), one message a request. */
  readonly isDirect: boolean;
  readonly deliveries: readonly DeliveryTerms[];
  readonly relay: StackFunction;
  readonly relayBatchSize: number;
  readonly ingest: StackFunction;
  /** How long messages stay in the table, with the 15 days until DynamoDB has removed them. */
  readonly keptDays: number;
}

/** What may be said on the command line; the rest is as the stack has it. */
export interface WorkloadChanges {
  readonly messageKb?: number;
  readonly fanOut?: number;
  readonly batch?: number;
  readonly outputs?: number;
  readonly handlerMs?: number;
  readonly memoryMb?: number;
  /** Of the deliveries. */
  readonly exactlyOnce?: number;
  readonly leases?: number;
  readonly threads?: boolean;
  readonly tracing?: boolean;
  readonly isViaApi?: boolean;
  readonly isDirect?: boolean;
}

const DEFAULT_RETENTION_DAYS = 30;
const GRACE_DAYS = 15;
const FAST: StackFunction = { memoryMb: 256, isArm: true };
const RELAY: StackFunction = { memoryMb: 512, isArm: true };
const INGEST: StackFunction = { memoryMb: 1_024, isArm: true };

/** One agent as the constructs make it, at least once. */
export const standardDelivery: DeliveryTerms = {
  share: 1,
  guarantee: 'at-least-once',
  lease: false,
  isOrdered: false,
  batchSize: 10,
  function: FAST,
};

/** 1 KB to one agent, in full batches, no more than what every guild has. */
export const standardWorkload: Workload = {
  messageKb: 1,
  fanOut: 1,
  batch: 10,
  outputs: 0,
  handlerMs: 50,
  threads: false,
  tracing: false,
  isViaApi: false,
  isDirect: false,
  deliveries: [standardDelivery],
  relay: RELAY,
  relayBatchSize: 100,
  ingest: INGEST,
  keptDays: DEFAULT_RETENTION_DAYS + GRACE_DAYS,
};

/** The workload of a stack: each of its agents gets as many of the deliveries as any other. */
export function workloadOf(stack: DeployedStack, changes: WorkloadChanges): Workload {
  const { exactlyOnce, leases, memoryMb, ...plain } = changes;
  const { manifest } = stack;
  const functions = functionsOf(stack);
  const families = [...(manifest?.declared ?? []), ...(manifest?.inferred ?? [])];
  const agents = agentsOf(stack);
  const deliveries = (agents.length === 0 ? [standardDelivery] : agents)
    .map((terms) => (memoryMb === undefined ? terms : { ...terms, function: { ...terms.function, memoryMb } }))
    .flatMap((terms) => split(terms, exactlyOnce, (isOn) => ({ guarantee: isOn ? 'exactly-once' : 'at-least-once' })))
    .flatMap((terms) => split(terms, leases, (isOn) => ({ lease: isOn })));
  return {
    ...standardWorkload,
    threads: manifest?.threads ?? standardWorkload.threads,
    tracing: manifest?.tracing ?? standardWorkload.tracing,
    relay: functions.relay ?? RELAY,
    ingest: functions.ingest ?? INGEST,
    keptDays: Math.max(DEFAULT_RETENTION_DAYS, ...families.map(({ retentionDays }) => retentionDays)) + GRACE_DAYS,
    ...plain,
    deliveries,
  };
}

function agentsOf(stack: DeployedStack): readonly DeliveryTerms[] {
  const { agents } = functionsOf(stack);
  const sources = sourcesOf(stack);
  return [...agents].map(([name, fn]) => {
    const known = stack.manifest?.agents.find((agent) => agent.name === name);
    return {
      share: 1 / agents.size,
      guarantee: known?.guarantee ?? standardDelivery.guarantee,
      lease: known?.lease ?? false,
      isOrdered: known?.ordering === 'key',
      batchSize: sources.find((source) => source.functionId === fn.id)?.batchSize ?? standardDelivery.batchSize,
      function: fn,
    };
  });
}

/** In two parts, of which the first has the given share and is changed accordingly. */
function split(
  terms: DeliveryTerms,
  share: number | undefined,
  change: (isOn: boolean) => Partial<DeliveryTerms>,
): readonly DeliveryTerms[] {
  if (share === undefined) return [terms];
  const parts = [
    { ...terms, ...change(true), share: terms.share * share },
    { ...terms, ...change(false), share: terms.share * (1 - share) },
  ];
  return parts.filter((part) => part.share > 0);
}
