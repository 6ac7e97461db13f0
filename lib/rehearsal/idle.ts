/** @module Whether anything in the rehearsed cloud is under way, or waits to be. */
import { setTimeout as wait } from 'node:timers/promises';
import type { JsonObject } from '../core/json.ts';
import type { EmulatorClient } from './emulator-client.ts';
import type { LocalFunction } from './functions/local-function.ts';
import { StillBusyError } from './rehearsal-errors.ts';
import type { Source } from './sources/mapping.ts';

export interface BusyCloud {
  readonly functions: readonly LocalFunction[];
  readonly sources: readonly Source[];
  readonly client: EmulatorClient;
  readonly queueUrlOf: (arn: string) => string;
}

const LOOK_MS = 15;
/** A stream has at least this long to be read to its end. */
const READ_MS = 1000;
const IDLE_MS = 60_000;

export interface IdleOptions {
  /** @default 60000 */
  readonly timeoutMs?: number;
  /** Queues whose names fit are not looked at, such as one that holds what is due much later. @default - none */
  readonly ignoring?: RegExp;
}

const COUNTS = [
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesNotVisible',
  'ApproximateNumberOfMessagesDelayed',
];

/**
 * Resolves once nothing runs, every stream has been read to its end and every queue with an enabled mapping is empty:
 * messages that are delayed, or out of sight after a failure, are waited for. Queues that nobody reads are not looked at.
 *
 * @throws StillBusyError that says what is not done when the time is up.
 */
export async function untilIdle(cloud: BusyCloud, { timeoutMs = IDLE_MS, ignoring }: IdleOptions): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const before = movesOf(cloud);
    const busy = await whatIsBusy(cloud, deadline, ignoring);
    if (busy.length === 0 && movesOf(cloud) === before) return;
    if (performance.now() > deadline) throw new StillBusyError(timeoutMs, busy);
    await wait(LOOK_MS);
  }
}

/** Rises with everything that is received or invoked, so that it is the same again only if nothing was. */
const movesOf = ({ sources, functions }: BusyCloud) =>
  sources.reduce((sum, { received }) => sum + received, 0) +
  functions.reduce((sum, { counts }) => sum + counts.invocations, 0);

async function whatIsBusy(
  { sources, functions, client, queueUrlOf }: BusyCloud,
  deadline: number,
  ignoring: RegExp | undefined,
): Promise<readonly string[]> {
  const timer = new AbortController();
  const late = wait(Math.max(READ_MS, deadline - performance.now()), 'late', { signal: timer.signal }).catch(
    () => 'late',
  );
  const read = await Promise.race([Promise.all(sources.map((source) => source.emptied())), late]);
  timer.abort();
  const open = sources.filter(({ state }) => state !== 'Disabled');
  const arns = open
    .map(({ definition }) => definition.sourceArn)
    .filter((arn) => arn.includes(':sqs:') && ignoring?.test(arn) !== true);
  const queues = await Promise.all(
    [...new Set(arns)].map(async (arn) => {
      const count = await waitingIn(client, queueUrlOf(arn));
      return count === 0 ? [] : [`${count} in ${arn.split(':').at(-1)}`];
    }),
  );
  return [
    ...(read === 'late' ? ['a stream that is still being read'] : []),
    ...queues.flat(),
    ...functions
      .filter(({ busy }) => busy > 0)
      .map(({ busy, definition }) => `${counted(busy, 'invocation')} of ${definition.name}`),
    ...sources
      .filter(({ busy }) => busy > 0)
      .map(({ busy, definition }) => `${counted(busy, 'record')} for ${definition.target.definition.name}`),
  ];
}

const counted = (count: number, thing: string) => `${count} ${thing}${count === 1 ? '' : 's'}`;

async function waitingIn(client: EmulatorClient, queueUrl: string): Promise<number> {
  const { Attributes } = await client.sqs('GetQueueAttributes', { QueueUrl: queueUrl, AttributeNames: COUNTS });
  return COUNTS.reduce((sum, name) => sum + Number((Attributes as JsonObject)[name] ?? 0), 0);
}
