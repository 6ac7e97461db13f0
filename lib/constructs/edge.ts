/** @module The two functions through which the world outside speaks with a guild: one takes, one tells. */
import { Annotations, Duration, Stack } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Code, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { fitsVariable, type QueueNames } from '../environment/aws-queue-names.ts';
import type { AgentFunction } from './agent-function.ts';
import { grantSwitch } from './event-sources.ts';
import { GuildFunction } from './guild-function.ts';
import type { IMessageLog } from './message-log-base.ts';
import { provide } from './provide.ts';
import type { ITopicFamily } from './topic-family-base.ts';

export interface EdgeProps {
  readonly ingest: Code;
  readonly history: Code;
  readonly log: IMessageLog;
  /** The built-in one, for plans, and those whose publishers publish to SNS themselves. */
  readonly families: readonly ITopicFamily[];
  readonly topicArnPrefix: string;
  /** Whose queues are looked at for what waits. */
  readonly agents: readonly AgentFunction[];
  readonly encryptionKey?: IKey;
  readonly logRetention?: RetentionDays;
}

const TIMEOUT = Duration.seconds(30);
/** Payloads of 25 MB are read and checked: of bare numbers they take 655 MB. Of millions of empty values they do not fit. */
const INGEST_MB = 1_024;
const HISTORY_MB = 512;

export class Edge extends Construct {
  /** Publishes, pauses, runs plans; for the API and for invocations. */
  readonly ingest: LambdaFunction;
  /** Only reads. */
  readonly history: LambdaFunction;

  constructor(scope: Construct, id: string, props: EdgeProps) {
    super(scope, id);
    const { log, families } = props;
    const ingest = this.#create('Ingest', 'Publishes to the guild', props.ingest, INGEST_MB, props);
    provide(ingest, { topicArnPrefix: props.topicArnPrefix });
    log.grantOperate(ingest);
    log.grantPublish(ingest, ['**', '$inbox.*', '$reply.*']);
    for (const family of families) family.grantPublish(ingest);
    const history = this.#create('History', 'Reads what was said', props.history, HISTORY_MB, props);
    log.grantRead(history);
    log.grantReadLedger(history);
    this.#countQueues([ingest, history], props.agents);
    if (log.namespaces !== 'dynamic') this.#switchSources(ingest, props.agents);
    this.ingest = ingest.function;
    this.history = history.function;
  }

  /** A function that does not know all queues says so when it is asked what waits. */
  #countQueues(hosts: readonly GuildFunction[], agents: readonly AgentFunction[]): void {
    const [first] = agents;
    if (first === undefined) return;
    const all = agents.map(({ agentName: name, queues }) => ({ name, lanes: queues.urgentQueue !== undefined }));
    if (!fitsVariable(all)) {
      const many = `${agents.length} agents have more queues than fit into a function's environment`;
      Annotations.of(this).addInfo(`${many}: the API does not tell what waits for them, aws:FILE does`);
      return;
    }
    const value: QueueNames = {
      url: first.queues.queue.queueUrl,
      names: Object.fromEntries(
        agents.map(({ agentName, queues: { queue, urgentQueue } }) => [
          agentName,
          urgentQueue === undefined ? queue.queueName : [queue.queueName, urgentQueue.queueName],
        ]),
      ),
    };
    for (const host of hosts) {
      provide(host, { queues: Stack.of(this).toJsonString(value) });
      for (const { queues } of agents) queues.grantCount(host);
    }
  }

  /** A function that does not know them leaves them to the janitor, which gets them with its event. */
  #switchSources(host: GuildFunction, agents: readonly AgentFunction[]): void {
    grantSwitch(this, host);
    const all = agents.map(({ agentName: name, sources }) => ({ name, lanes: sources.length > 1 }));
    if (!fitsVariable(all, true)) {
      const many = `the event sources of ${agents.length} agents do not fit into a function's environment`;
      Annotations.of(this).addInfo(`${many}: pauses over the API reach them within 5 minutes, by aws:FILE at once`);
      return;
    }
    const uuids = agents.map(({ agentName, sources }) => {
      const [normal, urgent] = sources.map(({ eventSourceMappingId }) => eventSourceMappingId);
      return [agentName, urgent === undefined ? normal : [normal, urgent]];
    });
    provide(host, { sources: Stack.of(this).toJsonString(Object.fromEntries(uuids)) });
  }

  #create(
    id: string,
    description: string,
    code: Code,
    memorySize: number,
    { encryptionKey, logRetention }: EdgeProps,
  ): GuildFunction {
    return new GuildFunction(this, id, {
      code,
      description,
      timeout: TIMEOUT,
      memorySize,
      ...(encryptionKey !== undefined && { encryptionKey }),
      ...(logRetention !== undefined && { logRetention }),
    });
  }
}
