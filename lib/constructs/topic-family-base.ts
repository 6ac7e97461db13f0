/** @module What is done with a topic family, whether it is created here or imported. */
import { type IResource, Resource } from 'aws-cdk-lib';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { CfnSubscription, type ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { AgentQueues } from './agent-queues.ts';
import type { Filter, FilterPolicy, Lane } from './filter-policy.ts';
import { letTopicsUse } from './topic-family-key.ts';
import { UndeployableError } from './undeployable-error.ts';

/** Where messages of a family are published for whoever follows them. */
export interface ITopicFamily extends IResource {
  /** As the guild has it; `$**` for the built-in one. */
  readonly pattern: string;
  readonly topic: ITopic;
  /** The topic beside it that keeps the order of each key; undefined if no ordered agent follows the family. */
  readonly orderedTopic: ITopic | undefined;
  grantPublish(grantee: IGrantable): Grant;
  subscribe(scope: Construct, queues: AgentQueues, filters: readonly LaneFilter[]): void;
}

/** The filter of one queue of an agent. */
export interface LaneFilter {
  readonly lane: Lane;
  readonly filter: Filter;
}

/** https://docs.aws.amazon.com/general/latest/gr/sns.html: filter policies of a topic, and subscriptions of a FIFO topic. */
const MAX_FOLLOWERS = 200;
const MAX_ORDERED_FOLLOWERS = 100;

/**
 * Said where there is nothing to filter: CloudFormation cannot take the scope of a filter away, so that an update which did
 * would fail (https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1840).
 */
const EVERYTHING: FilterPolicy = { topic: [{ exists: true }] };

/** Why so many queues cannot follow one family, or undefined. */
export function followersProblem(
  isOrdered: boolean,
  count: number,
  advice = 'split the family, or the guild',
): string | undefined {
  const most = isOrdered ? MAX_ORDERED_FOLLOWERS : MAX_FOLLOWERS;
  return count <= most ? undefined : `is followed by ${count} queues but the limit of SNS is ${most}: ${advice}`;
}

export abstract class TopicFamilyBase extends Resource implements ITopicFamily {
  abstract readonly pattern: string;
  abstract readonly topic: ITopic;
  abstract readonly orderedTopic: ITopic | undefined;
  protected abstract readonly encryptionKey: IKey | undefined;
  readonly #followers = { standard: 0, ordered: 0 };

  /** Publishing to the family: `sns:Publish` on its topics. Agents need it for none: the relay publishes for them. */
  grantPublish(grantee: IGrantable): Grant {
    this.encryptionKey?.grantEncryptDecrypt(grantee);
    const topics = [this.topic, ...(this.orderedTopic === undefined ? [] : [this.orderedTopic])];
    const resourceArns = topics.map(({ topicArn }) => topicArn);
    return Grant.addToPrincipal({ grantee, actions: ['sns:Publish'], resourceArns });
  }

  /**
   * Has the topic send to queues of an agent what their filters let through, and to its dead-letter queue what they do not
   * take; the queues let it, and so does the key that they are encrypted with.
   *
   * @param scope Where the subscriptions lie.
   * @throws UndeployableError beyond the 200 filters of a topic, or the 100 subscriptions of a FIFO topic.
   */
  subscribe(scope: Construct, queues: AgentQueues, filters: readonly LaneFilter[]): void {
    const kind = queues.isOrdered ? 'ordered' : 'standard';
    const topic = queues.isOrdered ? this.orderedTopic : this.topic;
    this.#followers[kind] += filters.length;
    const tooMany = followersProblem(queues.isOrdered, this.#followers[kind]);
    if (topic === undefined || tooMany !== undefined) {
      const problem = tooMany ?? 'has no topic that keeps order: create it with isOrdered';
      throw new UndeployableError(this.node.path, [{ field: this.pattern, problem }]);
    }
    queues.acceptFrom(topic);
    for (const { lane, filter } of filters) {
      const subscription = new CfnSubscription(scope, lane === 'urgent' ? 'Urgent' : 'Resource', {
        topicArn: topic.topicArn,
        protocol: 'sqs',
        endpoint: queues.of(lane).queueArn,
        rawMessageDelivery: true,
        redrivePolicy: { deadLetterTargetArn: queues.deadLetters.queueArn },
        filterPolicy: filter.policy ?? EVERYTHING,
        filterPolicyScope: 'MessageAttributes',
      });
      queues.readyBefore(subscription);
    }
    for (const { encryptionMasterKey } of [queues.queue, queues.deadLetters]) {
      if (encryptionMasterKey !== undefined) letTopicsUse(encryptionMasterKey, scope);
    }
  }
}
