/** @module The SNS topics of one topic family. */
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { FifoThroughputScope, type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { familyTopicName } from '../environment/aws-names.ts';
import { type ITopicFamily, TopicFamilyBase } from './topic-family-base.ts';

export interface TopicFamilyProps {
  /** As the guild has it; `$**` for the built-in one. */
  readonly pattern: string;
  /** What the names of the guild's topics begin with, so that the relay can derive them. */
  readonly namePrefix: string;
  /** Whether an ordered agent follows it; only adds a topic, and never changes one. @default false */
  readonly isOrdered?: boolean;
  /** @default - not encrypted at rest: SNS keeps nothing that it has delivered */
  readonly encryptionKey?: IKey;
}

export interface TopicFamilyAttributes {
  readonly pattern: string;
  readonly topic: ITopic;
  /** @default - no ordered agent may follow it */
  readonly orderedTopic?: ITopic;
  /** @default - not encrypted with a key of one's own */
  readonly encryptionKey?: IKey;
}

/** A standard topic, and a FIFO topic beside it if an ordered agent follows. Only over TLS. */
export class TopicFamily extends TopicFamilyBase {
  /** A family of another stack. */
  static fromAttributes(scope: Construct, id: string, attributes: TopicFamilyAttributes): ITopicFamily {
    class Imported extends TopicFamilyBase {
      readonly pattern = attributes.pattern;
      readonly topic = attributes.topic;
      readonly orderedTopic = attributes.orderedTopic;
      protected readonly encryptionKey = attributes.encryptionKey;
    }
    return new Imported(scope, id);
  }

  readonly pattern: string;
  readonly topic: ITopic;
  readonly orderedTopic: ITopic | undefined;
  protected readonly encryptionKey: IKey | undefined;

  constructor(scope: Construct, id: string, props: TopicFamilyProps) {
    super(scope, id);
    const { pattern, namePrefix, isOrdered = false, encryptionKey } = props;
    this.pattern = pattern;
    this.encryptionKey = encryptionKey;
    const common = { enforceSSL: true, ...(encryptionKey !== undefined && { masterKey: encryptionKey }) };
    this.topic = new Topic(this, 'Resource', {
      ...common,
      topicName: `${namePrefix}${familyTopicName(pattern, false)}`,
    });
    this.orderedTopic = isOrdered
      ? new Topic(this, 'Ordered', {
          ...common,
          topicName: `${namePrefix}${familyTopicName(pattern, true)}`,
          fifo: true,
          contentBasedDeduplication: false,
          fifoThroughputScope: FifoThroughputScope.MESSAGE_GROUP,
        })
      : undefined;
  }
}
