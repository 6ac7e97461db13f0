/** @module What looks after a guild by the clock: it turns what got stuck into dead letters, and runs plans. */
import { Duration } from 'aws-cdk-lib';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as FunctionTarget } from 'aws-cdk-lib/aws-events-targets';
import { Grant } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Code, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { type JanitorEvent, QUEUES_PER_EVENT } from '../environment/janitor-event.ts';
import type { AgentFunction } from './agent-function.ts';
import { grantSwitch } from './event-sources.ts';
import { GuildFunction } from './guild-function.ts';
import type { IMessageLog } from './message-log-base.ts';
import { consumeActions } from './permissions.ts';
import { provide } from './provide.ts';
import type { Relay } from './relay.ts';
import type { ITopicFamily } from './topic-family-base.ts';

export interface JanitorProps {
  readonly code: Code;
  readonly log: IMessageLog;
  readonly relay: Relay;
  /** The built-in family: what is redriven and replayed is published there. */
  readonly system: ITopicFamily;
  readonly topicArnPrefix: string;
  readonly agents: readonly AgentFunction[];
  readonly encryptionKey?: IKey;
  readonly logRetention?: RetentionDays;
}

const EVERY = Duration.minutes(5);
/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html */
const TARGETS_PER_RULE = 5;

export class Janitor extends Construct {
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, props: JanitorProps) {
    super(scope, id);
    const { code, log, relay, system, agents, encryptionKey, logRetention } = props;
    const host = new GuildFunction(this, 'Host', {
      code,
      description: 'Janitor: stuck deliveries to dead letters, and plans',
      // Below the time between two ticks, so that they do not overlap.
      timeout: Duration.seconds(270),
      memorySize: 256,
      ...(encryptionKey !== undefined && { encryptionKey }),
      ...(logRetention !== undefined && { logRetention }),
    });
    this.function = host.function;
    provide(host, { topicArnPrefix: props.topicArnPrefix, safetyQueue: relay.safety.queueUrl });
    log.grantOperate(host);
    log.grantPublish(host, ['$dead.*', '$errors']);
    system.grantPublish(host);
    Grant.addToPrincipal({ grantee: host, actions: [...consumeActions], resourceArns: [relay.safety.queueArn] });
    relay.safety.encryptionMasterKey?.grantDecrypt(host);
    for (const agent of agents) agent.grantSweep(host);
    grantSwitch(this, host);
    this.#schedule(props);
  }

  #schedule({ agents, relay }: JanitorProps): void {
    const events = chunks(agents, QUEUES_PER_EVENT).map(
      (some, index): JanitorEvent => ({
        kind: 'guildwire.janitor',
        deadLetterQueues: Object.fromEntries(
          some.map(({ agentName, queues }) => [agentName, queues.deadLetters.queueUrl]),
        ),
        sources: Object.fromEntries(
          some.map(({ agentName, sources }) => [agentName, sources.map((source) => source.eventSourceMappingId)]),
        ),
        ...(index === 0 && { safetyQueue: relay.safety.queueUrl }),
        runsPlans: index === 0,
      }),
    );
    for (const [index, some] of chunks(events, TARGETS_PER_RULE).entries()) {
      new Rule(this, index === 0 ? 'Tick' : `Tick${index}`, {
        schedule: Schedule.rate(EVERY),
        targets: some.map(
          (event) =>
            new FunctionTarget(this.function, {
              event: RuleTargetInput.fromObject(event),
              // The next tick does what this one did not.
              retryAttempts: 0,
              maxEventAge: EVERY,
            }),
        ),
      });
    }
  }
}

function chunks<T>(all: readonly T[], size: number): readonly (readonly T[])[] {
  const count = Math.max(1, Math.ceil(all.length / size));
  return Array.from({ length: count }, (_, index) => all.slice(index * size, (index + 1) * size));
}
