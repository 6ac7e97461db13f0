/** @module What a rehearsal counted, as `guildwire cost --observed` reads it. */

import type { LogLine } from '../../rehearsal/functions/function-logs.ts';
import type { EndedInvocation } from '../../rehearsal/functions/invocation.ts';
import type { ServiceCall } from '../../rehearsal/proxy/faults.ts';
import type { Rehearsal } from '../../rehearsal/rehearsal.ts';
import type { ObservedCounts, ObservedFunction } from '../cost/observed.ts';

/** SNS and SQS charge for a request by each 64 KB that are begun. */
const REQUEST_BYTES = 64 * 1024;
/** What CloudWatch adds to each line. */
const LINE_BYTES = 26;
const DEFAULT_MEMORY_MB = 128;
/** Of S3 the proxy knows method and kind. */
const s3Operations: Readonly<Record<string, string>> = {
  'PUT object': 'PutObject',
  'GET object': 'GetObject',
  'HEAD object': 'HeadObject',
  'DELETE object': 'DeleteObject',
  'GET bucket': 'ListObjectsV2',
};

/** In an answer to who published, which may be JSON in JSON. */
const STORED = /\\?"duplicate\\?":false/g;

interface Totals {
  invocations: number;
  ms: number;
}

/** Hears everything while the rehearsal runs. What it is asked after that, it leaves out: `counts` is a copy. */
export class Observation {
  readonly #calls: Record<string, number> = {};
  readonly #functions = new Map<string, Totals>();
  #published = 0;

  /** Messages that were stored for callers outside. */
  get published(): number {
    return this.#published;
  }

  called({ service, operation, body }: ServiceCall): void {
    const name = service === 's3' ? (s3Operations[operation] ?? operation.replaceAll(/\W+/g, '')) : operation;
    const text = service === 'dynamodb' || service === 's3' ? '' : body.toString('latin1');
    const requests = Math.max(1, Math.ceil(payloadBytes(service, text) / REQUEST_BYTES));
    this.#add(`${service}${isFifo(text) ? '.fifo' : ''}:${name}`, requests);
  }

  /** The pollers of Lambda receive a batch and delete what was done of it. */
  ended({ functionName, durationMs, event, payload }: EndedInvocation): void {
    const totals = this.#functions.get(functionName) ?? { invocations: 0, ms: 0 };
    this.#functions.set(functionName, totals);
    totals.invocations++;
    totals.ms += durationMs;
    this.#published += [...payload.matchAll(STORED)].length;
    const [, queue] = /"eventSourceARN":"arn:aws:sqs:[^"]*:([^":]+)"/.exec(event) ?? [];
    if (queue === undefined) return;
    const service = queue.endsWith('.fifo') ? 'sqs.fifo' : 'sqs';
    this.#add(`${service}:ReceiveMessage`, Math.ceil(Buffer.byteLength(event) / REQUEST_BYTES));
    this.#add(`${service}:DeleteMessageBatch`, 1);
  }

  logged({ text }: LogLine): void {
    this.#add('logs:bytes', Buffer.byteLength(text) + LINE_BYTES);
  }

  requested(): void {
    this.#add('httpApi:requests', 1);
  }

  counts(rehearsal: Rehearsal): ObservedCounts {
    const { capacityUnits } = rehearsal.counts();
    const units = { 'dynamodb:writeUnits': capacityUnits.write, 'dynamodb:readUnits': capacityUnits.read };
    return { messages: this.#published, calls: { ...this.#calls, ...units }, lambda: this.#lambda(rehearsal) };
  }

  #lambda({ resources, functions }: Rehearsal): Record<string, ObservedFunction> {
    const memory = new Map(
      resources
        .filter(({ type }) => type === 'AWS::Lambda::Function')
        .map(({ name, properties }) => [name, Number(properties.MemorySize ?? DEFAULT_MEMORY_MB)] as const),
    );
    const used = functions.flatMap(({ name, path }) => {
      const totals = this.#functions.get(name);
      if (totals === undefined) return [];
      const { invocations, ms } = totals;
      return [[path, { invocations, ms: Math.round(ms), memoryMb: memory.get(name) ?? DEFAULT_MEMORY_MB }] as const];
    });
    return Object.fromEntries(used);
  }

  #add(name: string, count: number): void {
    this.#calls[name] = (this.#calls[name] ?? 0) + count;
  }
}

const isFifo = (text: string) => /(?:TopicArn=[^&]*|"QueueUrl":"[^"]*)\.fifo\b/.test(text);

/** Of SNS only what is published counts, and not the form around it. */
function payloadBytes(service: string, text: string): number {
  if (service !== 'sns') return text.length;
  const messages = text.matchAll(/(?:^|[.&])Message=([^&]*)/g);
  return [...messages].reduce((sum, [, message = '']) => sum + message.replaceAll(/%[0-9A-F]{2}/g, '_').length, 0);
}
