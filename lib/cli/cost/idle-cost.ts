/** @module What a stack costs in a month in which nobody says anything. */
import type { JsonObject } from '../../core/json.ts';
import { type CostLine, toLine } from './cost-line.ts';
import { type DeployedStack, joined, type StackResource } from './deployed-stack.ts';
import type { PriceName, Prices } from './prices.ts';
import { kindOf } from './resource-kinds.ts';
import { describe, idIn, type StackSource, sourcesOf } from './stack-functions.ts';

export interface IdleCost {
  readonly lines: readonly CostLine[];
  /** What may cost something, with the reason why it is in no line. */
  readonly notPriced: readonly string[];
}

const MONTH_S = 30 * 86_400;
/** Lambda asks a queue for messages and waits so long for an answer (long polling). */
const POLL_S = 20;
/** https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html: five at first, and two of them stay when idle. */
const IDLE_POLLERS = 2;
/** With a maximum concurrency none of them leaves. */
const STEADY_POLLERS = 5;
/** A tick of the janitor that finds nothing. */
const TICK_MS = 500;
const MB_PER_GB = 1_024;
const JANITOR = 'guildwire.janitor';

export function idleCost(stack: DeployedStack, prices: Prices): IdleCost {
  const of = (type: string) => stack.resources.filter((resource) => resource.type === type);
  const line = (what: string, quantity: number, price: PriceName, because: string) =>
    toLine(prices, what, quantity, price, because);
  const alarms = of('AWS::CloudWatch::Alarm');
  const metrics = (isFast: boolean) =>
    alarms.filter((alarm) => isFastAlarm(alarm) === isFast).reduce((sum, alarm) => sum + metricsOf(alarm), 0);
  const lines = [
    line('alarms', metrics(false), 'alarmMetric', `${alarms.length} alarms, each charged for every metric it looks at`),
    line('alarms, high resolution', metrics(true), 'fastAlarmMetric', 'with a period below a minute'),
    line('composite alarms', of('AWS::CloudWatch::CompositeAlarm').length, 'compositeAlarm', '1 each'),
    line('dashboards', of('AWS::CloudWatch::Dashboard').length, 'dashboard', '1 each'),
    line('encryption keys', of('AWS::KMS::Key').length, 'key', '1 each'),
    ...pollingLines(stack, line),
    ...of('AWS::Events::Rule').flatMap((rule) => tickLines(rule, stack, line)),
  ].filter(({ quantity }) => quantity > 0);
  return { lines, notPriced: notPriced(stack) };
}

type Line = (what: string, quantity: number, price: PriceName, because: string) => CostLine;

function pollingLines(stack: DeployedStack, line: Line): readonly CostLine[] {
  const polls = MONTH_S / POLL_S;
  const sources = sourcesOf(stack).filter(
    ({ kind, isEnabled, isProvisioned }) => kind === 'queue' && isEnabled && !isProvisioned,
  );
  const groups = [
    ['polling of queues', 'sqsRequest', false],
    ['polling of FIFO', 'sqsFifoRequest', true],
  ] as const;
  return groups.flatMap(([what, price, isFifo]) => {
    const some = sources.filter((source) => isFifoSource(source, stack) === isFifo);
    const few = some.filter(({ maxConcurrency }) => maxConcurrency === undefined).length;
    const many = some.length - few;
    const because = (count: number, pollers: number) =>
      `${count} queues × ${pollers} pollers × ${polls.toLocaleString('en')} long polls of ${POLL_S} s`;
    return [
      line(what, few * IDLE_POLLERS * polls, price, because(few, IDLE_POLLERS)),
      line(`${what}, limited`, many * STEADY_POLLERS * polls, price, because(many, STEADY_POLLERS)),
    ];
  });
}

function isFifoSource({ queueId }: StackSource, { resources }: DeployedStack): boolean {
  return resources.find(({ id }) => id === queueId)?.properties.FifoQueue === true;
}

/** Rules that run functions at fixed times; the janitor also looks into each queue that no function is fed from. */
function tickLines(rule: StackResource, stack: DeployedStack, line: Line): readonly CostLine[] {
  const everyS = secondsOf(rule.properties.ScheduleExpression);
  if (everyS === undefined || rule.properties.State === 'DISABLED') return [];
  const ticks = MONTH_S / everyS;
  const scope = rule.id.slice(0, rule.id.lastIndexOf('/') + 1);
  const targets = (rule.properties.Targets ?? []) as readonly JsonObject[];
  return targets.flatMap((target) => {
    const found = stack.resources.find(
      ({ id, type }) => type === 'AWS::Lambda::Function' && id === scope + idIn(target.Arn),
    );
    if (found === undefined) return [];
    const { memoryMb, isArm } = describe(found);
    const each = `${ticks.toLocaleString('en')} ticks a month`;
    const compute = (ticks * TICK_MS * memoryMb) / MB_PER_GB / 1_000;
    const input = joined(target.Input) ?? '';
    const swept = input.includes(JANITOR) ? (input.match(/":""/g) ?? []).length : 0;
    return [
      line('ticks, invocations', ticks, 'invocation', each),
      line(
        'ticks, compute',
        compute,
        isArm ? 'armGigabyteSecond' : 'x86GigabyteSecond',
        `${TICK_MS} ms at ${memoryMb} MB`,
      ),
      line('ticks, stuck deliveries', ticks * swept, 'sqsRequest', `a look into each of ${swept} queues`),
    ];
  });
}

/** `rate(5 minutes)`, in seconds. */
function secondsOf(expression: unknown): number | undefined {
  const [, count, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(String(expression)) ?? [];
  const seconds = { minute: 60, hour: 3_600, day: 86_400 }[unit ?? ''];
  return seconds === undefined ? undefined : Number(count) * seconds;
}

/** Of an alarm on an expression those that it is made of. */
function metricsOf({ properties }: StackResource): number {
  const { Metrics } = properties;
  if (!Array.isArray(Metrics)) return 1;
  return Metrics.filter((metric) => (metric as JsonObject).MetricStat !== undefined).length;
}

function isFastAlarm({ properties }: StackResource): boolean {
  const metrics = Array.isArray(properties.Metrics) ? (properties.Metrics as readonly JsonObject[]) : [];
  const periods = metrics.map(({ MetricStat }) => (MetricStat as JsonObject | undefined)?.Period);
  return [properties.Period, ...periods].some((period) => typeof period === 'number' && period < 60);
}

/** Kinds that nobody knows, and settings that cost something of their own. */
function notPriced(stack: DeployedStack): readonly string[] {
  const unknown = new Map<string, number>();
  for (const { type } of stack.resources)
    if (kindOf(type) === undefined) unknown.set(type, (unknown.get(type) ?? 0) + 1);
  const keyed = stack.resources.filter(({ properties }) => properties.KmsMasterKeyId !== undefined).length;
  return [
    ...[...unknown].map(([type, count]) => `${type} (${count}): not in the table of kinds, and may cost something`),
    ...(keyed > 0 ? [`${keyed} queues and topics are encrypted with a key: requests to KMS, by use`] : []),
    ...stack.resources.flatMap((resource) => oddities(resource).map((why) => `${resource.id}: ${why}`)),
    ...sourcesOf(stack).flatMap(({ id, kind, isProvisioned }) => [
      ...(isProvisioned ? [`${id}: provisioned pollers, by the hour`] : []),
      ...(kind === 'unknown' ? [`${id}: an event source of something outside this stack`] : []),
    ]),
  ];
}

function oddities({ type, properties }: StackResource): readonly string[] {
  if (/^AWS::DynamoDB::/.test(type)) {
    return [
      ...(properties.BillingMode === 'PAY_PER_REQUEST' ? [] : ['provisioned capacity, by the hour']),
      ...(Array.isArray(properties.Replicas) && properties.Replicas.length > 1 ? ['replicas in other regions'] : []),
    ];
  }
  if (type === 'AWS::Events::Rule' && properties.State !== 'DISABLED' && properties.ScheduleExpression !== undefined)
    return secondsOf(properties.ScheduleExpression) === undefined
      ? [`how often ${String(properties.ScheduleExpression)} is`]
      : [];
  if (type === 'AWS::SNS::Subscription' && properties.Protocol !== 'sqs' && properties.Protocol !== 'lambda')
    return [`deliveries by ${String(properties.Protocol)}`];
  return [];
}
