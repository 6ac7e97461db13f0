/** @module From the log to the subscribers: the relay, what is not yet due, and what it could not hand on. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  type Code,
  EventSourceMapping,
  FilterCriteria,
  FilterRule,
  type Function as LambdaFunction,
  RecursiveLoop,
  StartingPosition,
} from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { encrypted, MAX_RECEIVE_COUNT } from './agent-queues.ts';
import { GuildFunction } from './guild-function.ts';
import type { IMessageLog } from './message-log-base.ts';
import { consumeActions } from './permissions.ts';
import { provide } from './provide.ts';
import type { ITopicFamily } from './topic-family-base.ts';

export interface RelayProps {
  readonly code: Code;
  readonly log: IMessageLog;
  readonly families: readonly ITopicFamily[];
  /** All before the name of a family's topic. */
  readonly topicArnPrefix: string;
  /** How many batches of one shard of the stream it works on at once; 1 if any family is ordered. @default 1 */
  readonly parallelism?: number;
  readonly encryptionKey?: IKey;
  readonly logRetention?: RetentionDays;
  readonly removalPolicy?: RemovalPolicy;
}

const TIMEOUT = Duration.seconds(60);
const VISIBILITY = Duration.seconds(360);

/** Reads the stream of the log as long as it takes, and publishes what is new. */
export class Relay extends Construct {
  readonly function: LambdaFunction;
  /** What is to be delivered later goes round here; what is sent here is handed on when it is due. */
  readonly delays: Queue;
  /** What could not be handed on, or was received 1,000 times. */
  readonly safety: Queue;

  constructor(scope: Construct, id: string, props: RelayProps) {
    super(scope, id);
    const { code, log, families, encryptionKey, logRetention } = props;
    this.safety = this.#createQueue('Safety', props);
    this.delays = this.#createQueue('Delays', props, this.safety);
    const host = new GuildFunction(this, 'Host', {
      code,
      description: 'Relay: from the log to the subscribers',
      timeout: TIMEOUT,
      memorySize: 512,
      // What is delayed for longer than 15 minutes comes back through its queue again and again.
      recursiveLoop: RecursiveLoop.ALLOW,
      ...(encryptionKey !== undefined && { encryptionKey }),
      ...(logRetention !== undefined && { logRetention }),
    });
    this.function = host.function;
    const { delays, safety } = this;
    const queues = { delaysQueue: delays.queueUrl, safetyQueue: safety.queueUrl };
    provide(host, { topicArnPrefix: props.topicArnPrefix, ...queues });
    for (const family of families) family.grantPublish(host);
    log.grantRelay(host).applyBefore(this.#readStream(props));
    for (const queue of [delays, safety]) this.#grantSend(host, queue);
    const consume = Grant.addToPrincipal({
      grantee: host,
      actions: [...consumeActions],
      resourceArns: [delays.queueArn],
    });
    delays.encryptionMasterKey?.grantDecrypt(host);
    consume.applyBefore(this.#readDelays());
  }

  #grantSend(grantee: IGrantable, queue: Queue): void {
    queue.encryptionMasterKey?.grantEncryptDecrypt(grantee);
    Grant.addToPrincipal({ grantee, actions: ['sqs:SendMessage'], resourceArns: [queue.queueArn] });
  }

  #createQueue(id: string, { encryptionKey, removalPolicy }: RelayProps, deadLetters?: Queue): Queue {
    return new Queue(this, id, {
      ...encrypted(encryptionKey),
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      visibilityTimeout: VISIBILITY,
      removalPolicy: removalPolicy ?? RemovalPolicy.RETAIN,
      ...(deadLetters !== undefined && {
        deadLetterQueue: { queue: deadLetters, maxReceiveCount: MAX_RECEIVE_COUNT },
      }),
    });
  }

  /** From the oldest record on, so that what is stored before the relay runs is not lost; no record is ever given up. */
  #readStream({ log, families, parallelism = 1 }: RelayProps): EventSourceMapping {
    const isOrdered = families.some(({ orderedTopic }) => orderedTopic !== undefined);
    const { tableStreamArn } = log.messages;
    return new EventSourceMapping(this, 'Stream', {
      target: this.function,
      ...(tableStreamArn !== undefined && { eventSourceArn: tableStreamArn }),
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: 100,
      parallelizationFactor: isOrdered ? 1 : parallelism,
      reportBatchItemFailures: true,
      bisectBatchOnError: true,
      filters: [FilterCriteria.filter({ eventName: FilterRule.isEqual('INSERT') })],
    });
  }

  #readDelays(): EventSourceMapping {
    return new EventSourceMapping(this, 'Due', {
      target: this.function,
      eventSourceArn: this.delays.queueArn,
      batchSize: 10,
      reportBatchItemFailures: true,
    });
  }
}
