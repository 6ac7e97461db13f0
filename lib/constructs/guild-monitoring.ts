/** @module What somebody who keeps a guild running wants to see, and to be woken by. */
import { Duration, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  type IAlarmAction,
  type IMetric,
  MathExpression,
  Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { FilterPattern, MetricFilter } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { AgentFunction } from './agent-function.ts';
import type { IMessageLog } from './message-log-base.ts';
import type { Relay } from './relay.ts';

export interface GuildMonitoringOptions {
  /** What an alarm does. @default - it only shows its state */
  readonly actions?: readonly IAlarmAction[];
  /** From which age on a waiting delivery raises an alarm; what waits behind a long model call is old too. @default - 15 minutes */
  readonly oldestDelivery?: Duration;
  /** How far the relay may be behind. @default - 1 minute */
  readonly relayLag?: Duration;
}

export interface GuildMonitoringProps extends GuildMonitoringOptions {
  readonly agents: readonly AgentFunction[];
  readonly relay: Relay;
  /** Whose tables refuse what is beyond their `maxUnits`. */
  readonly log: IMessageLog;
  /** Whose errors nobody else hears of. @default - none */
  readonly quiet?: readonly IFunction[];
}

/** Of one alarm on an expression (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html). */
const METRICS_PER_ALARM = 10;
const PERIOD = Duration.minutes(5);
/** How what an agent logs ends when a delivery becomes a dead letter. */
export const DEAD_LETTER_TEXT = '*now a dead letter';

/** Alarms shared by the agents, so that few have to be looked after (AWS charges each metric of an alarm), and one dashboard. */
export class GuildMonitoring extends Construct {
  readonly alarms: readonly Alarm[];
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, props: GuildMonitoringProps) {
    super(scope, id);
    const { agents, relay, log, quiet = [] } = props;
    const { oldestDelivery = Duration.minutes(15), relayLag = Duration.minutes(1) } = props;
    const waiting = agents.flatMap(({ queues }) => [
      queues.queue,
      ...(queues.urgentQueue === undefined ? [] : [queues.urgentQueue]),
    ]);
    const stuck = [relay.safety, ...agents.map(({ queues }) => queues.deadLetters)].map(depthOf);
    const ages = [relay.delays, ...waiting].map(ageOf);
    const functions = [relay.function, ...agents.map((agent) => agent.function)];
    const throttles = functions.map((fn) => fn.metricThrottles({ period: PERIOD, statistic: 'Sum' }));
    const loops = functions.map(droppedOf);
    const refused = [log.messages, log.ledger].flatMap(throttledOf);
    const failed = quiet.map((fn) => fn.metricErrors({ period: PERIOD, statistic: 'Sum' }));
    const dead = this.#countDeadLetters(agents);
    const lag = relay.function.metric('IteratorAge', { period: PERIOD, statistic: 'Maximum' });
    this.alarms = [
      ...this.#alarms('DeadLetters', 'agents gave deliveries up', [dead], 'SUM', 0),
      ...this.#alarms('StuckDeliveries', 'something could not be handed to an agent', stuck, 'SUM', 0),
      ...this.#alarms('OldDeliveries', 'an agent is behind', ages.slice(1), 'MAX', oldestDelivery.toSeconds()),
      ...this.#alarms('RelayLag', 'the relay is behind', [lag], 'MAX', relayLag.toMilliseconds()),
      ...this.#alarms('Throttles', 'functions are throttled', throttles, 'SUM', 0),
      ...this.#alarms('ThrottledTables', 'a table is at its limit', refused, 'SUM', 0),
      ...this.#alarms('Errors', 'a function of the platform fails', failed, 'SUM', 0),
      ...this.#alarms('Loops', 'Lambda dropped invocations of a loop', loops, 'SUM', 0),
    ];
    for (const action of props.actions ?? []) for (const alarm of this.alarms) alarm.addAlarmAction(action);
    this.dashboard = new Dashboard(this, 'Dashboard', {
      widgets: [
        [
          graph('Waiting', waiting.map(depthOf)),
          graph('Age of the oldest, s', ages),
          graph('Dead letters, and what is stuck', [dead, ...stuck]),
        ],
        [
          graph('Relay lag, ms', [lag]),
          graph(
            'Errors',
            functions.map((fn) => fn.metricErrors({ period: PERIOD })),
          ),
          graph('Throttles', throttles),
        ],
      ],
    });
  }

  /** Agents say so in their logs; one metric for all of them. */
  #countDeadLetters(agents: readonly AgentFunction[]): Metric {
    const metricNamespace = `Guildwire/${Stack.of(this).stackName}`;
    const metricName = 'DeadLetters';
    for (const agent of agents) {
      new MetricFilter(this, `DeadLetters-${agent.agentName}`, {
        logGroup: agent.function.logGroup,
        filterPattern: FilterPattern.stringValue('$.text', '=', DEAD_LETTER_TEXT),
        metricNamespace,
        metricName,
      });
    }
    return new Metric({ namespace: metricNamespace, metricName, period: PERIOD, statistic: 'Sum' });
  }

  #alarms(
    id: string,
    what: string,
    metrics: readonly IMetric[],
    combine: 'SUM' | 'MAX',
    threshold: number,
  ): readonly Alarm[] {
    const count = Math.ceil(metrics.length / METRICS_PER_ALARM);
    return Array.from({ length: count }, (_, index) => {
      const some = metrics.slice(index * METRICS_PER_ALARM, (index + 1) * METRICS_PER_ALARM);
      const named = Object.fromEntries(some.map((metric, position) => [`m${position}`, metric]));
      return new Alarm(this, index === 0 ? id : `${id}${index}`, {
        alarmDescription: what,
        metric: new MathExpression({
          expression: `${combine}([${Object.keys(named).join(', ')}])`,
          usingMetrics: named,
          label: what,
          period: PERIOD,
        }),
        threshold,
        comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluationPeriods: 1,
        treatMissingData: TreatMissingData.NOT_BREACHING,
      });
    });
  }
}

const depthOf = (queue: IQueue) =>
  queue.metricApproximateNumberOfMessagesVisible({ period: PERIOD, statistic: 'Maximum' });
const ageOf = (queue: IQueue) => queue.metricApproximateAgeOfOldestMessage({ period: PERIOD, statistic: 'Maximum' });
const throttledOf = ({ tableName }: ITableV2) =>
  ['WriteThrottleEvents', 'ReadThrottleEvents'].map(
    (metricName) =>
      new Metric({
        namespace: 'AWS/DynamoDB',
        metricName,
        dimensionsMap: { TableName: tableName },
        period: PERIOD,
        statistic: 'Sum',
      }),
  );
const droppedOf = (fn: IFunction) =>
  new Metric({
    namespace: 'AWS/Lambda',
    metricName: 'RecursiveInvocationsDropped',
    dimensionsMap: { FunctionName: fn.functionName },
    period: PERIOD,
    statistic: 'Sum',
  });
const graph = (title: string, left: readonly IMetric[]) => new GraphWidget({ title, left: [...left], width: 8 });
