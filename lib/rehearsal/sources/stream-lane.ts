/** @module Takes the records of one part of a stream in order, a batch at a time, and repeats what failed. */
import { setTimeout as wait } from 'node:timers/promises';
import type { JsonObject } from '../../core/json.ts';
import type { InvocationResult } from '../functions/invocation.ts';
import type { MappingDefinition } from './mapping.ts';
import { failedIn } from './partial-batch.ts';
import type { StreamRecord } from './stream-reader.ts';

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 1000;
const LOOK_MS = 10;

/** What hears of records that are given up. */
export type GiveUp = (letter: JsonObject) => Promise<void>;

export class StreamLane {
  readonly #definition: MappingDefinition;
  readonly #giveUp: GiveUp;
  readonly #signal: AbortSignal;
  readonly #records: StreamRecord[] = [];
  #unsettled = 0;
  #running: Promise<void> | undefined;

  constructor(definition: MappingDefinition, giveUp: GiveUp, signal: AbortSignal) {
    this.#definition = definition;
    this.#giveUp = giveUp;
    this.#signal = signal;
  }

  get unsettled(): number {
    return this.#unsettled;
  }

  add(record: StreamRecord): void {
    this.#records.push(record);
    this.#unsettled++;
    this.#running ??= this.#run();
  }

  async ended(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    const { batchSize, windowMs } = this.#definition;
    while (this.#records.length > 0 && !this.#signal.aborted) {
      const closesAt = performance.now() + windowMs;
      while (this.#records.length < batchSize && performance.now() < closesAt && !this.#signal.aborted)
        await wait(LOOK_MS);
      const batch = this.#records.splice(0, batchSize);
      await this.#handle(batch);
      this.#unsettled -= batch.length;
    }
    this.#running = undefined;
  }

  /** Until everything is handled or given up; without limits, for ever. */
  async #handle(batch: readonly StreamRecord[]): Promise<void> {
    const { target, reportsFailures, bisects, maxAttempts, maxAgeMs } = this.#definition;
    let left = batch;
    for (let attempt = 1; left.length > 0 && !this.#signal.aborted; attempt++) {
      if (maxAgeMs !== undefined && left.some(({ arrivedAt }) => Date.now() - arrivedAt > maxAgeMs))
        return this.#give(left, 'RecordAgeExceeded', attempt - 1);
      const result = await target.invoke(JSON.stringify({ Records: left.map(({ record }) => record) }));
      if (this.#signal.aborted) return;
      const ids = new Set(left.map(({ sequenceNumber }) => sequenceNumber));
      const failed = failedIn(result, ids, reportsFailures);
      const from = failed === 'all' ? 0 : left.findIndex(({ sequenceNumber }) => failed.has(sequenceNumber));
      if (from < 0) return;
      if (from > 0) attempt = 0;
      left = left.slice(from);
      if (failed === 'all' && bisects && left.length > 1) {
        const half = Math.ceil(left.length / 2);
        await this.#handle(left.slice(0, half));
        return this.#handle(left.slice(half));
      }
      if (maxAttempts !== undefined && attempt >= maxAttempts)
        return this.#give(left, 'RetryAttemptsExhausted', attempt, result);
      const pauseMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt);
      await wait(pauseMs, undefined, { signal: this.#signal }).catch(() => undefined);
    }
  }

  /** https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html: the records themselves are not in it. */
  async #give(
    records: readonly StreamRecord[],
    condition: string,
    attempts: number,
    result?: InvocationResult,
  ): Promise<void> {
    const [first, last] = [records[0], records.at(-1)];
    if (first === undefined || last === undefined) return;
    await this.#giveUp({
      requestContext: {
        requestId: result?.requestId ?? '',
        functionArn: `${this.#definition.target.definition.arn}:$LATEST`,
        condition,
        approximateInvokeCount: attempts,
      },
      responseContext: {
        statusCode: 200,
        executedVersion: '$LATEST',
        ...(result?.functionError === undefined ? {} : { functionError: result.functionError }),
      },
      version: '1.0',
      timestamp: new Date().toISOString(),
      DDBStreamBatchInfo: {
        shardId: first.shardId,
        startSequenceNumber: first.sequenceNumber,
        endSequenceNumber: last.sequenceNumber,
        approximateArrivalOfFirstRecord: new Date(first.arrivedAt).toISOString(),
        approximateArrivalOfLastRecord: new Date(last.arrivedAt).toISOString(),
        batchSize: records.length,
        streamArn: this.#definition.sourceArn,
      },
    });
  }
}
