/** @module A whole guild on AWS. */
import { Annotations, Aws, CfnOutput, NestedStack, type RemovalPolicy, Stack, Stage } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { DISABLE_ASSET_STAGING_CONTEXT } from 'aws-cdk-lib/cx-api';
import { Construct } from 'constructs';
import type { FieldFault } from '../core/errors.ts';
import { DEFAULT_RETENTION_DAYS } from '../core/topic-family.ts';
import { familyTopicName, SYSTEM_FAMILY } from '../environment/aws-names.ts';
import { CONNECTION_OUTPUT } from '../environment/aws-outputs.ts';
import type { GuildManifest } from '../environment/guild-manifest.ts';
import type { Agent } from '../guild/define-agent.ts';
import type { Guild as GuildDefinition } from '../guild/define-guild.ts';
import type { AgentDeployment } from './agent-deployment.ts';
import { AgentFunction } from './agent-function.ts';
import { routesOf } from './agent-routes.ts';
import { type BundleOptions, bundleGuild, type GuildBundle } from './bundle.ts';
import { tellConnection } from './connection.ts';
import { Edge } from './edge.ts';
import { GuildApi, type GuildApiOptions } from './guild-api.ts';
import { familiesOf } from './guild-families.ts';
import { guildFaults, shapeFaults } from './guild-faults.ts';
import { GuildMonitoring, type GuildMonitoringOptions } from './guild-monitoring.ts';
import { Janitor } from './janitor.ts';
import { manifestOf } from './manifest-of.ts';
import { MessageLog } from './message-log.ts';
import type { IMessageLog } from './message-log-base.ts';
import type { Namespaces } from './permissions.ts';
import { Relay } from './relay.ts';
import { sizeFaults } from './stack-size.ts';
import { topStack } from './top-stack.ts';
import { TopicFamily } from './topic-family.ts';
import { refuse } from './undeployable-error.ts';

export interface GuildProps {
  /** What defineGuild gave. */
  readonly guild: GuildDefinition;
  /**
   * The namespaces that roles are bound to; `'dynamic'` for any, which then only the code and the claims of callers keep
   * apart.
   *
   * @default - one, called as the CDK stage around, or 'default'
   */
  readonly namespaces?: Namespaces;
  /**
   * `'flat'`: everything in one stack, for at most 30 agents. `'nested'`: a nested stack for each agent. Changing it later
   * replaces the agents' queues; what waits in the old ones stays there.
   *
   * @default 'flat'
   */
  readonly layout?: 'flat' | 'nested';
  /** Memory, variables, lanes and the like, by name of the agent. @default - as their profiles say */
  readonly agents?: { readonly [Name in string]?: AgentDeployment };
  /**
   * Keeps trails, for `settled` and `explain`; costs a write for each message, and one or two for each delivery. Needs `threads`.
   *
   * @default false
   */
  readonly tracing?: boolean;
  /** Whether threads can be read: an index, for $0.63 per million messages. @default true */
  readonly threads?: boolean;
  /** The HTTP API; false for none. @default - one with IAM authorization */
  readonly api?: GuildApiOptions | false;
  /** Alarms and a dashboard; false for none. @default - alarms that only show their state */
  readonly monitoring?: GuildMonitoringOptions | false;
  /** @default - everything that is imported goes into the bundle */
  readonly bundling?: BundleOptions;
  /** Most write and read units per second of each table, so that a loop cannot cost a fortune. @default - 2000 and 4000 */
  readonly maxUnits?: { readonly write: number; readonly read: number };
  /** How many batches of one shard of the log's stream are relayed at once, if no agent is ordered. @default 1 */
  readonly relayParallelism?: number;
  /** Encrypts tables, queues, topics, attachments and variables; the stack has to name its region. @default - keys of AWS */
  readonly encryptionKey?: IKey;
  /** @default RetentionDays.ONE_MONTH */
  readonly logRetention?: RetentionDays;
  /** What becomes of tables, bucket and queues when they are taken out of the stack. @default RemovalPolicy.RETAIN */
  readonly removalPolicy?: RemovalPolicy;
}

const OUTPUTS = { connection: CONNECTION_OUTPUT, ingest: 'IngestFunction', api: 'ApiUrl' } as const;

/**
 * Tables, topics, a function and a queue for each agent, the relay, the janitor, the API, alarms: all of a guild. One in a
 * stack, since the names of its SNS topics begin with the stack's.
 *
 * @example
 * new Guild(new Stack(new App(), 'DocReview'), 'Guild', { guild });
 */
export class Guild extends Construct {
  readonly log: IMessageLog;
  /** By pattern; families that nobody follows have no topics. */
  readonly families: ReadonlyMap<string, TopicFamily>;
  /** By name. */
  readonly agents: ReadonlyMap<string, AgentFunction>;
  readonly relay: Relay;
  readonly janitor: Janitor;
  readonly edge: Edge;
  readonly api: GuildApi | undefined;
  readonly monitoring: GuildMonitoring | undefined;
  readonly manifest: GuildManifest;

  constructor(scope: Construct, id: string, props: GuildProps) {
    super(scope, id);
    const { guild, layout = 'flat', agents: deployments = {}, tracing = false, threads = true } = props;
    refuse(this, shapeFaults({ guild, layout }));
    const namespaces = props.namespaces ?? [Stage.of(this)?.stageName || 'default'];
    const families = [...familiesOf(guild.families).patterns, SYSTEM_FAMILY];
    const namePrefix = `${topStack(this).stackName}-`;
    refuse(this, guildFaults({ guild, layout, namespaces, deployments, families, tracing, threads }));
    refuse(this, this.#placeFaults(props));
    this.manifest = manifestOf(guild, props);
    const bundle = bundleGuild(Object.values<Agent>(guild.agents), this.manifest, props.bundling ?? {}, (faults) =>
      refuse(this, faults),
    );
    // With --no-staging the template names the bundles where they are, and nobody copies them.
    using _ = this.node.tryGetContext(DISABLE_ASSET_STAGING_CONTEXT) ? undefined : bundle;
    if (layout === 'nested') Annotations.of(this).addInfo(`layout 'nested': changing it replaces the agents' queues`);
    for (const warning of bundle.warnings) Annotations.of(this).addWarningV2('guildwire:bundle', warning);
    this.log = this.#createLog(props, namespaces);
    this.families = this.#createFamilies(props, families, namePrefix);
    const topicArnPrefix = `arn:${Aws.PARTITION}:sns:${Stack.of(this).region}:${Stack.of(this).account}:${namePrefix}`;
    const followed = [...this.families.values()];
    const common = { ...commonOf(props), log: this.log, families: followed, topicArnPrefix };
    this.relay = new Relay(this, 'Relay', {
      ...common,
      code: bundle.codeOf('relay'),
      ...(props.relayParallelism !== undefined && { parallelism: props.relayParallelism }),
    });
    this.agents = this.#createAgents(props, bundle, followed);
    const agents = [...this.agents.values()];
    const system = this.families.get(SYSTEM_FAMILY) as TopicFamily;
    this.janitor = new Janitor(this, 'Janitor', {
      ...common,
      code: bundle.codeOf('janitor'),
      relay: this.relay,
      system,
      agents,
    });
    const isDirect = ({ pattern }: TopicFamily) =>
      [...this.manifest.declared, ...this.manifest.inferred].some(
        (family) => family.pattern === pattern && family.relay === 'direct',
      ) && !this.manifest.ordered.includes(pattern);
    this.edge = new Edge(this, 'Edge', {
      ...common,
      ingest: bundle.codeOf('ingest'),
      history: bundle.codeOf('history'),
      families: [system, ...followed.filter(isDirect)],
      agents,
    });
    // What a new topic takes before anybody follows it, nobody gets.
    for (const publisher of [this.relay.function, this.edge.ingest])
      publisher.node.addDependency(...agents.flatMap(({ subscriptions }) => subscriptions));
    this.api =
      props.api === false
        ? undefined
        : new GuildApi(this, 'Api', { ...props.api, ingest: this.edge.ingest, history: this.edge.history });
    this.monitoring =
      props.monitoring === false
        ? undefined
        : new GuildMonitoring(this, 'Monitoring', {
            ...props.monitoring,
            agents,
            relay: this.relay,
            log: this.log,
            quiet: [this.janitor.function, this.edge.ingest, this.edge.history],
          });
    this.#tell(topicArnPrefix);
    this.node.addValidation({ validate: () => sizeFaults(topStack(this), layout) });
  }

  #createLog(props: GuildProps, namespaces: Namespaces): MessageLog {
    const { guild, maxUnits, threads, api } = props;
    const uploadOrigins = api === false ? undefined : api?.corsPreflight?.allowOrigins;
    const { declared, inferred } = familiesOf(guild.families);
    const retentions = [...declared, ...inferred].map(({ retentionDays }) => retentionDays);
    return new MessageLog(this, 'Log', {
      ...commonOf(props),
      namespaces,
      retentionDays: Math.max(DEFAULT_RETENTION_DAYS, ...retentions),
      ...(threads !== undefined && { threads }),
      ...(uploadOrigins !== undefined && { uploadOrigins }),
      ...(maxUnits !== undefined && { maxWriteUnits: maxUnits.write, maxReadUnits: maxUnits.read }),
    });
  }

  #createFamilies(
    { guild, encryptionKey }: GuildProps,
    patterns: readonly string[],
    namePrefix: string,
  ): ReadonlyMap<string, TopicFamily> {
    const topics = new Construct(this, 'Topics');
    const agents = Object.values<Agent>(guild.agents);
    const followed = new Set(agents.flatMap((agent) => routesOf(agent, patterns, false).map(({ pattern }) => pattern)));
    const created = patterns
      .filter((pattern) => followed.has(pattern))
      .map((pattern) => {
        const isOrdered = this.manifest.ordered.includes(pattern);
        const family = new TopicFamily(topics, familyTopicName(pattern, false), {
          pattern,
          namePrefix,
          isOrdered,
          ...(encryptionKey !== undefined && { encryptionKey }),
        });
        return [pattern, family] as const;
      });
    return new Map(created);
  }

  #createAgents(
    props: GuildProps,
    bundle: GuildBundle,
    families: readonly TopicFamily[],
  ): ReadonlyMap<string, AgentFunction> {
    const agents = new Construct(this, 'Agents');
    const created = Object.values<Agent>(props.guild.agents).map((agent) => {
      const { name } = agent;
      const scope =
        props.layout === 'nested' ? new NestedStack(agents, name, { description: `Agent ${name}` }) : agents;
      const fn = new AgentFunction(scope, props.layout === 'nested' ? 'Agent' : name, {
        ...commonOf(props),
        ...props.agents?.[name],
        agent,
        code: bundle.codeOfAgent(name),
        log: this.log,
        families,
      });
      return [name, fn] as const;
    });
    return new Map(created);
  }

  #placeFaults({ api }: GuildProps): FieldFault[] {
    const stack = topStack(this);
    const { node } = stack;
    // A stack may lie in another one and be deployed by itself all the same.
    if (node.findAll().some((other) => other instanceof Guild && other !== this && topStack(other) === stack))
      return [{ field: 'stack', problem: 'holds a guild already: give each a stack of its own' }];
    const names = Object.values(OUTPUTS).filter((name) => api !== false || name !== OUTPUTS.api);
    const taken = names.filter((name) => node.tryFindChild(name) !== undefined);
    const problem = `has constructs called ${taken.join(', ')}, as outputs of the guild are: call them otherwise`;
    return taken.length === 0 ? [] : [{ field: 'stack', problem }];
  }

  /** For programs and people outside: what is where. */
  #tell(topicArnPrefix: string): void {
    const stack = topStack(this);
    tellConnection(this, topicArnPrefix);
    new CfnOutput(stack, OUTPUTS.ingest, { value: this.edge.ingest.functionName });
    if (this.api !== undefined) new CfnOutput(stack, OUTPUTS.api, { value: this.api.url });
  }
}

const commonOf = ({ encryptionKey, logRetention, removalPolicy }: GuildProps) => ({
  ...(encryptionKey !== undefined && { encryptionKey }),
  ...(logRetention !== undefined && { logRetention }),
  ...(removalPolicy !== undefined && { removalPolicy }),
});
