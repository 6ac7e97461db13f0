/** @module One agent on AWS: its function, what waits for it, and what it may do. */

import type { RemovalPolicy } from 'aws-cdk-lib';
import { Annotations, type Duration } from 'aws-cdk-lib';
import type { Grant, IGrantable, IPrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { type Code, EventSourceMapping, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { familyTopicName, SYSTEM_FAMILY } from '../environment/aws-names.ts';
import type { Agent } from '../guild/define-agent.ts';
import type { AgentDeployment } from './agent-deployment.ts';
import { agentFaults } from './agent-faults.ts';
import { AgentQueues } from './agent-queues.ts';
import { type FamilyRoute, routesOf } from './agent-routes.ts';
import { tagSource } from './event-sources.ts';
import { GuildFunction, seconds } from './guild-function.ts';
import type { IMessageLog } from './message-log-base.ts';
import { provide } from './provide.ts';
import type { ITopicFamily } from './topic-family-base.ts';
import { refuse } from './undeployable-error.ts';

export interface AgentFunctionProps extends AgentDeployment {
  readonly agent: Agent;
  /** A bundle with `index.mjs`, which hosts the agent. */
  readonly code: Code;
  readonly log: IMessageLog;
  /** Those that it follows, and the built-in one. The most literal first, as `TopicFamilies.patterns` has them. */
  readonly families: readonly ITopicFamily[];
  /** @default - keys of AWS */
  readonly encryptionKey?: IKey;
  /** @default RetentionDays.ONE_MONTH */
  readonly logRetention?: RetentionDays;
  /** What becomes of its queues when they are taken out of the stack. @default RemovalPolicy.RETAIN */
  readonly removalPolicy?: RemovalPolicy;
}

const profiles = {
  fast: { memorySize: 256, batchSize: 10 },
  llm: { memorySize: 512, batchSize: 1 },
} as const;

/** Beyond an attempt's own time: to settle it, and for the others of its batch. Lambda's limit is 900 s. */
const RESERVE_MS = 30_000;
const VISIBILITY_FACTOR = 6;
const MIN_CONCURRENCY = 2;
const MAX_CONCURRENCY = 1_000;

/** Runs whenever something waits for the agent. Its role may do what the agent declares, in the log's namespaces. */
export class AgentFunction extends Construct implements IGrantable {
  readonly function: LambdaFunction;
  readonly queues: AgentQueues;
  /** What hands it what waits in its queues. */
  readonly sources: readonly EventSourceMapping[];
  /** What attaches it to the families that it follows. */
  readonly subscriptions: readonly Construct[];
  readonly agentName: string;
  readonly grantPrincipal: IPrincipal;

  constructor(scope: Construct, id: string, props: AgentFunctionProps) {
    super(scope, id);
    refuse(this, agentFaults(props.agent, props));
    const { agent, log, families, lanes = false, encryptionKey, removalPolicy } = props;
    const isOrdered = agent.ordering === 'key';
    const host = this.#createHost(props);
    this.agentName = agent.name;
    this.function = host.function;
    this.grantPrincipal = host.grantPrincipal;
    this.queues = new AgentQueues(this, 'Queue', {
      visibilityTimeout: visibilityOf(agent),
      isOrdered,
      lanes,
      ...(encryptionKey !== undefined && { encryptionKey }),
      ...(removalPolicy !== undefined && { removalPolicy }),
    });
    provide(host, { agent: agent.name });
    log.grantAgent(host, agent.name, agent.publishes);
    this.sources = this.#createSources(props);
    this.queues.grantConsume(host).applyBefore(...this.sources);
    this.subscriptions = this.#follow(
      routesOf(
        agent,
        families.map(({ pattern }) => pattern),
        lanes,
      ),
      families,
    );
  }

  /** Emptying its dead-letter queue; see `AgentQueues.grantSweep`. */
  grantSweep(grantee: IGrantable): Grant {
    return this.queues.grantSweep(grantee);
  }

  #createHost(props: AgentFunctionProps): GuildFunction {
    const { agent, encryptionKey, logRetention, environment } = props;
    return new GuildFunction(this, 'Host', {
      code: props.code,
      description: `Agent ${agent.name}`,
      timeout: seconds(agent.timeoutMs + RESERVE_MS),
      memorySize: props.memorySize ?? profiles[agent.profile].memorySize,
      ...(environment !== undefined && { environment }),
      ...(encryptionKey !== undefined && { encryptionKey }),
      ...(logRetention !== undefined && { logRetention }),
    });
  }

  #createSources({ agent, maxConcurrency }: AgentFunctionProps): EventSourceMapping[] {
    const { queue, urgentQueue } = this.queues;
    const most = maxConcurrency ?? (agent.profile === 'llm' ? agent.concurrency : undefined);
    return [queue, ...(urgentQueue === undefined ? [] : [urgentQueue])].map((source) => {
      const mapping = new EventSourceMapping(this, source === queue ? 'Source' : 'UrgentSource', {
        target: this.function,
        eventSourceArn: source.queueArn,
        batchSize: profiles[agent.profile].batchSize,
        reportBatchItemFailures: true,
        ...(most !== undefined && { maxConcurrency: Math.min(Math.max(most, MIN_CONCURRENCY), MAX_CONCURRENCY) }),
      });
      tagSource(mapping);
      return mapping;
    });
  }

  #follow(routes: readonly FamilyRoute[], families: readonly ITopicFamily[]): Construct[] {
    return routes.map(({ pattern, filters }) => {
      const family = families.find((one) => one.pattern === pattern);
      const id = pattern === SYSTEM_FAMILY ? 'system' : familyTopicName(pattern, false);
      const follows = new Construct(this, `Follows-${id}`);
      family?.subscribe(follows, this.queues, filters);
      const leftOut = [...new Set(filters.flatMap(({ filter }) => filter.leftOut))];
      if (leftOut.length > 0)
        this.#warn(`the filter of ${this.agentName} on ${pattern} cannot say ${leftOut.join(', ')}`);
      return follows;
    });
  }

  #warn(what: string): void {
    const warning = `${what}: such messages are delivered, and dropped before its handler`;
    Annotations.of(this).addWarningV2('guildwire:filter', warning);
  }
}

/** The function's own time at least. An expensive attempt that died is soon begun again; its lease keeps it from running twice. */
const visibilityOf = ({ profile, timeoutMs }: Agent): Duration =>
  seconds(profile === 'llm' ? timeoutMs + RESERVE_MS : Math.max(timeoutMs * VISIBILITY_FACTOR, timeoutMs + RESERVE_MS));
