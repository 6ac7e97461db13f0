/** @module What was counted while a guild really worked, and what AWS would ask for it. */
import * as z from 'zod';
import { UsageError } from '../failure.ts';
import { type CostLine, toLine } from './cost-line.ts';
import type { PriceName, Prices } from './prices.ts';

/** The format of the file for `guildwire cost --observed`. */
export interface ObservedCounts {
  /** Published from outside; the dollars are for a million of these. */
  readonly messages: number;
  /**
   * By `service:operation`, as the SDK calls it: `sns:PublishBatch`, `sqs:ReceiveMessage` (those of Lambda's pollers too),
   * `s3:PutObject`. Each is one request; a request of more than 64 KB counts as several. `sns.fifo:` and `sqs.fifo:` are those
   * of FIFO topics and queues. DynamoDB is counted in units, `dynamodb:writeUnits` and `dynamodb:readUnits`; its calls may
   * stand there as well, and cost nothing of their own. Others: `httpApi:requests`, `logs:bytes`.
   */
  readonly calls: Readonly<Record<string, number>>;
  /** By name. `ms` is that of all invocations together. */
  readonly lambda: Readonly<Record<string, ObservedFunction>>;
}

export interface ObservedFunction {
  readonly invocations: number;
  readonly ms: number;
  readonly memoryMb: number;
}

export interface ObservedCost {
  /** For a million messages. */
  readonly lines: readonly CostLine[];
  readonly notPriced: readonly string[];
}

const count = z.number().nonnegative();
const format = z.strictObject({
  messages: z.number().positive(),
  calls: z.record(z.string().regex(/^[\w.]+:\w+$/, 'is not service:operation'), count),
  lambda: z.record(z.string(), z.strictObject({ invocations: count, ms: count, memoryMb: z.number().positive() })),
});

/** @throws UsageError naming every place that is not as the format says. */
export function parseObserved(text: string, file: string): ObservedCounts {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`${file} is no JSON: ${(cause as Error).message}`, { cause });
  }
  const parsed = format.safeParse(json);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => {
    const { message } = (issue.code === 'invalid_key' ? issue.issues[0] : undefined) ?? issue;
    return `${issue.path.join('.') || 'the file'}: ${message}`;
  });
  throw new UsageError(`${file} holds no counts of a rehearsal: ${faults.join('; ')}`);
}

const MILLION = 1_000_000;
const GB = 1_024 ** 3;
const MB_PER_GB = 1_024;

/** The first that fits; `undefined` is free, or counted elsewhere. */
const rules: readonly (readonly [pattern: RegExp, price: PriceName | undefined])[] = [
  [/^sns:Publish(Batch)?$/, 'snsPublish'],
  [/^sns\.fifo:Publish(Batch)?$/, 'snsFifoPublish'],
  [/^sqs:/, 'sqsFairRequest'],
  [/^sqs\.fifo:/, 'sqsFifoRequest'],
  [/^dynamodb:writeUnits$/, 'writeUnit'],
  [/^dynamodb:readUnits$/, 'readUnit'],
  [/^dynamodb:(\w+Item|\w+Items|Query)$/, undefined],
  [/^dynamodbstreams:/, undefined],
  [/^s3:(PutObject|ListObjectsV2|CopyObject)$/, 'objectPut'],
  [/^s3:(GetObject|HeadObject)$/, 'objectGet'],
  [/^s3:DeleteObjects?$/, undefined],
  [/^httpApi:requests$/, 'apiRequest'],
  [/^logs:bytes$/, 'logGigabyte'],
];

export function observedCost({ messages, calls, lambda }: ObservedCounts, prices: Prices): ObservedCost {
  const scale = MILLION / messages;
  const notPriced: string[] = [];
  const lines: CostLine[] = [];
  for (const [name, number] of Object.entries(calls)) {
    const rule = rules.find(([pattern]) => pattern.test(name));
    if (rule === undefined) notPriced.push(`${name} (${number}): no price for it`);
    const price = rule?.[1];
    if (price === undefined) continue;
    const quantity = (number * scale) / (price === 'logGigabyte' ? GB : 1);
    lines.push(toLine(prices, name, quantity, price, `${number} for ${messages} messages`));
  }
  if (!Object.hasOwn(calls, 'dynamodb:writeUnits') && Object.keys(calls).some((name) => name.startsWith('dynamodb:')))
    notPriced.push('DynamoDB: its calls are there, but not dynamodb:writeUnits, by which it charges');
  for (const [name, { invocations, ms, memoryMb }] of Object.entries(lambda)) {
    const compute = ((ms * memoryMb) / MB_PER_GB / 1_000) * scale;
    lines.push(
      toLine(
        prices,
        `${name}, invocations`,
        invocations * scale,
        'invocation',
        `${invocations} for ${messages} messages`,
      ),
      toLine(prices, `${name}, compute`, compute, 'armGigabyteSecond', `${ms} ms at ${memoryMb} MB`),
    );
  }
  return { lines, notPriced };
}
