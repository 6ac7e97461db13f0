/** @module What waits for an agent: one queue or a queue for each lane, and what could not be handed to it. */
import { Duration, Lazy, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AnyPrincipal, Effect, Grant, type IGrantable, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { DeduplicationScope, FifoThroughputLimit, type IQueue, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct, type IDependable } from 'constructs';
import type { Lane } from './filter-policy.ts';
import { consumeActions, countActions } from './permissions.ts';
import { provide } from './provide.ts';
import { queuePolicyFaults } from './queue-policy-size.ts';

export interface AgentQueuesProps {
  /** How long a delivery stays away after it was handed out. */
  readonly visibilityTimeout: Duration;
  /** FIFO queues, which keep the order of each key. @default false */
  readonly isOrdered?: boolean;
  /** A queue for urgent messages beside the other. @default false */
  readonly lanes?: boolean;
  /** @default - SSE-SQS */
  readonly encryptionKey?: IKey;
  /** @default RemovalPolicy.RETAIN */
  readonly removalPolicy?: RemovalPolicy;
}

/** The longest that SQS keeps anything. */
const RETENTION = Duration.days(14);
/** A safety net, and never a count of attempts: those are in the ledger. The maximum of SQS. */
export const MAX_RECEIVE_COUNT = 1_000;

/** Kept for 14 days, encrypted, over TLS only; nobody may send to them but topics that were accepted. */
export class AgentQueues extends Construct {
  readonly queue: Queue;
  /** Messages of priority 0 to 3, if the agent has lanes. */
  readonly urgentQueue: Queue | undefined;
  /** What SNS or SQS could not hand on, and what was received 1,000 times. */
  readonly deadLetters: Queue;
  readonly isOrdered: boolean;
  readonly #topics: ITopic[] = [];

  constructor(scope: Construct, id: string, props: AgentQueuesProps) {
    super(scope, id);
    const { isOrdered = false, lanes = false, visibilityTimeout, encryptionKey, removalPolicy } = props;
    this.isOrdered = isOrdered;
    const common = {
      ...(isOrdered && {
        fifo: true,
        deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
        fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
      }),
      ...encrypted(encryptionKey),
      enforceSSL: true,
      retentionPeriod: RETENTION,
      removalPolicy: removalPolicy ?? RemovalPolicy.RETAIN,
    };
    this.deadLetters = new Queue(this, 'DeadLetters', common);
    const waiting = {
      ...common,
      visibilityTimeout,
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: MAX_RECEIVE_COUNT },
    };
    this.queue = new Queue(this, 'Resource', waiting);
    this.urgentQueue = lanes ? new Queue(this, 'Urgent', waiting) : undefined;
    const topicArns = Lazy.list({ produce: () => this.#topics.map(({ topicArn }) => topicArn) });
    for (const queue of [...this.#waiting, this.deadLetters]) this.#open(queue, topicArns);
    for (const queue of this.#waiting) this.#close(queue, topicArns);
    this.node.addValidation({ validate: () => queuePolicyFaults(this.queue, this.#topics) });
  }

  get #waiting(): readonly Queue[] {
    return this.urgentQueue === undefined ? [this.queue] : [this.queue, this.urgentQueue];
  }

  of(lane: Lane): IQueue {
    return lane === 'urgent' && this.urgentQueue !== undefined ? this.urgentQueue : this.queue;
  }

  /** Lets a topic send to the queues, and to the dead-letter queue what they do not take. */
  acceptFrom(topic: ITopic): void {
    if (!this.#topics.includes(topic)) this.#topics.push(topic);
  }

  /** So that nothing is sent before it may be. */
  readyBefore(dependent: { readonly node: { addDependency(...on: IDependable[]): void } }): void {
    for (const queue of [...this.#waiting, this.deadLetters]) {
      const policy = queue.node.tryFindChild('Policy');
      if (policy !== undefined) dependent.node.addDependency(policy);
    }
  }

  /**
   * Taking deliveries: `sqs:ReceiveMessage`, `DeleteMessage`, `ChangeMessageVisibility` and `GetQueueAttributes` on its queues,
   * and on no other's.
   */
  grantConsume(grantee: IGrantable): Grant {
    provide(grantee, {
      queue: this.queue.queueUrl,
      ...(this.urgentQueue !== undefined && { urgentQueue: this.urgentQueue.queueUrl }),
    });
    for (const { encryptionMasterKey } of this.#waiting) encryptionMasterKey?.grantDecrypt(grantee);
    const resourceArns = this.#waiting.map(({ queueArn }) => queueArn);
    return Grant.addToPrincipal({ grantee, actions: [...consumeActions], resourceArns });
  }

  /** Emptying the dead-letter queue: the same actions, given by that queue's own policy, since one role empties many. */
  grantSweep(grantee: IGrantable): Grant {
    this.deadLetters.encryptionMasterKey?.grantDecrypt(grantee);
    const statement = new PolicyStatement({
      actions: [...consumeActions],
      principals: [grantee.grantPrincipal],
      resources: [this.deadLetters.queueArn],
    });
    this.deadLetters.addToResourcePolicy(statement);
    return Grant.drop(grantee, 'given by the policy of the queue');
  }

  /** Counting what waits: `sqs:GetQueueAttributes` on its queues, given by their own policies, since one role counts for many. */
  grantCount(grantee: IGrantable): Grant {
    for (const queue of this.#waiting) {
      queue.addToResourcePolicy(
        new PolicyStatement({
          actions: [...countActions],
          principals: [grantee.grantPrincipal],
          resources: [queue.queueArn],
        }),
      );
    }
    return Grant.drop(grantee, 'given by the policies of the queues');
  }

  /** SNS, for those topics only that are accepted until synthesis. */
  #open(queue: Queue, topicArns: readonly string[]): void {
    const { account } = Stack.of(this);
    queue.addToResourcePolicy(
      new PolicyStatement({
        actions: ['sqs:SendMessage'],
        principals: [new ServicePrincipal('sns.amazonaws.com')],
        resources: [queue.queueArn],
        conditions: { ArnEquals: { 'aws:SourceArn': topicArns }, StringEquals: { 'aws:SourceAccount': account } },
      }),
    );
  }

  /** A consumer believes what an entry says of its namespace and its epoch, so nobody else may write one. */
  #close(queue: Queue, topicArns: readonly string[]): void {
    queue.addToResourcePolicy(
      new PolicyStatement({
        effect: Effect.DENY,
        actions: ['sqs:SendMessage'],
        principals: [new AnyPrincipal()],
        resources: [queue.queueArn],
        conditions: { ArnNotEquals: { 'aws:SourceArn': topicArns } },
      }),
    );
  }
}

export const encrypted = (encryptionKey: IKey | undefined) =>
  encryptionKey === undefined
    ? { encryption: QueueEncryption.SQS_MANAGED }
    : { encryption: QueueEncryption.KMS, encryptionMasterKey: encryptionKey, dataKeyReuse: Duration.minutes(5) };
