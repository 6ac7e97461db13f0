/**
 * @module What AWS asked for what a guild uses, on one day, region by region. Free tiers and volume discounts are left out.
 * A new region is a new table here; nothing else knows a price.
 */
import { UsageError } from '../failure.ts';

/** So many dollars for so many units. */
export interface Price {
  readonly usd: number;
  readonly per: number;
  readonly unit: string;
  /** Where it is published. */
  readonly source: string;
  /** Where it was read, if not there. Without it the price is as AWS is known to ask, and was not compared with a page. */
  readonly readAt?: string;
}

export type PriceName = keyof typeof usEast1;
export type Prices = Readonly<Record<PriceName, Price>>;

export interface PriceTable {
  readonly region: string;
  /** The day on which the table was put together, from the sources that each price names. */
  readonly date: string;
  readonly prices: Prices;
}

export const DEFAULT_REGION = 'us-east-1';

const MILLION = 1_000_000;
const sns = 'https://aws.amazon.com/sns/pricing/';
const snsReadAt = 'https://www.factualminds.com/blog/amazon-sns-pricing-publishes-fanout-protocols/ (2026-06)';
const sqs = 'https://aws.amazon.com/sqs/pricing/';
const sqsReadAt = 'https://cloudburn.io/blog/amazon-sqs-pricing (2026-03)';
const dynamodb = 'https://aws.amazon.com/dynamodb/pricing/on-demand/';
const dynamodbReadAt = 'airbyte.com, DynamoDB pricing';
const lambda = 'https://aws.amazon.com/lambda/pricing/';
const lambdaReadAt =
  'https://git.mcrn.ar/mariano/lambda_local_runner/src/branch/main/docs/lambdas-md/lambda-13-cost.md (2026-05)';
const cloudwatch = 'https://aws.amazon.com/cloudwatch/pricing/';
const cloudwatchReadAt =
  'https://www.factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards/ (2026-06)';
const alarmsReadAt = 'https://c3x.dev/resources/aws/aws_cloudwatch_metric_alarm';
const s3 = 'https://aws.amazon.com/s3/pricing/';

const usEast1 = {
  /** Of up to 64 KB; PublishBatch is one for each 64 KB of all its entries. */
  snsPublish: { usd: 0.5, per: MILLION, unit: 'requests', source: sns, readAt: snsReadAt },
  snsFifoPublish: { usd: 0.3, per: MILLION, unit: 'requests', source: sns, readAt: snsReadAt },
  snsFifoDelivery: { usd: 0.01, per: MILLION, unit: 'deliveries', source: sns },
  snsFifoGigabyte: { usd: 0.017, per: 1, unit: 'GB', source: sns },
  /** Of up to 64 KB, of any kind; what SNS sends to a queue is free. */
  sqsRequest: { usd: 0.4, per: MILLION, unit: 'requests', source: sqs, readAt: sqsReadAt },
  /** With the surcharge for message groups, taken for receiving and deleting; AWS does not say which calls carry it. */
  sqsFairRequest: { usd: 0.5, per: MILLION, unit: 'requests', source: sqs, readAt: sqsReadAt },
  sqsFifoRequest: { usd: 0.5, per: MILLION, unit: 'requests', source: sqs, readAt: sqsReadAt },
  writeUnit: { usd: 0.625, per: MILLION, unit: 'write units', source: dynamodb, readAt: dynamodbReadAt },
  readUnit: { usd: 0.125, per: MILLION, unit: 'read units', source: dynamodb, readAt: dynamodbReadAt },
  tableGigabyte: { usd: 0.25, per: 1, unit: 'GB-months', source: dynamodb },
  recoveryGigabyte: { usd: 0.2, per: 1, unit: 'GB-months', source: dynamodb },
  invocation: { usd: 0.2, per: MILLION, unit: 'invocations', source: lambda, readAt: lambdaReadAt },
  armGigabyteSecond: { usd: 13.3334, per: MILLION, unit: 'GB-s', source: lambda, readAt: lambdaReadAt },
  x86GigabyteSecond: { usd: 16.6667, per: MILLION, unit: 'GB-s', source: lambda, readAt: lambdaReadAt },
  apiRequest: { usd: 1, per: MILLION, unit: 'requests', source: 'https://aws.amazon.com/api-gateway/pricing/' },
  objectPut: { usd: 5, per: MILLION, unit: 'requests', source: s3 },
  objectGet: { usd: 0.4, per: MILLION, unit: 'requests', source: s3 },
  logGigabyte: { usd: 0.5, per: 1, unit: 'GB', source: cloudwatch, readAt: cloudwatchReadAt },
  /** Of each metric that an alarm looks at: one on an expression of seven costs as much as seven. */
  alarmMetric: { usd: 0.1, per: 1, unit: 'metrics', source: cloudwatch, readAt: alarmsReadAt },
  fastAlarmMetric: { usd: 0.3, per: 1, unit: 'metrics', source: cloudwatch, readAt: alarmsReadAt },
  compositeAlarm: { usd: 0.5, per: 1, unit: 'alarms', source: cloudwatch, readAt: alarmsReadAt },
  dashboard: { usd: 3, per: 1, unit: 'dashboards', source: cloudwatch, readAt: cloudwatchReadAt },
  key: { usd: 1, per: 1, unit: 'keys', source: 'https://aws.amazon.com/kms/pricing/' },
} as const satisfies Readonly<Record<string, Price>>;

const tables: readonly PriceTable[] = [{ region: DEFAULT_REGION, date: '2026-11-20', prices: usEast1 }];

/** @throws UsageError for a region without a table. */
export function pricesOf(region: string): PriceTable {
  const found = tables.find((table) => table.region === region);
  if (found !== undefined) return found;
  const known = tables.map((table) => table.region).join(', ');
  throw new UsageError(
    `there are no prices of ${region}, only of ${known}: --region ${DEFAULT_REGION} reckons as if the stack were there`,
  );
}

/** `$0.40/M`, or `$3.00/dashboard`. */
export function toPriceText({ usd, per, unit }: Price): string {
  const dollars = `$${usd.toFixed(Math.max(2, `${usd}`.split('.')[1]?.length ?? 0))}`;
  return per === MILLION ? `${dollars}/M` : `${dollars}/${unit.replace(/s$/, '')}`;
}
