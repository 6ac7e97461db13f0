/**
 * @module Deliveries once more, each in an epoch of its own: published on the topic of the built-in family, for one agent
 * alone, since only the guild's topics may send to its queues.
 */
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { InvalidArgumentError } from '../../../core/errors.ts';
import type { Message, MessageKey } from '../../../core/message.ts';
import { ledgerKey, tableAttributes } from '../../../environment/aws-keys.ts';
import { familyTopicName, SYSTEM_FAMILY } from '../../../environment/aws-names.ts';
import { fromAttributes, toAttributes } from '../calls/attribute-values.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';
import { encodeEntry } from '../queues/queue-entry.ts';
import { type PublishBatch, Publisher } from '../relay/publisher.ts';
import { ttlOf } from './delivery-rows.ts';
import type { Trails } from './trails.ts';

export interface Repeat {
  readonly namespace: string;
  readonly agent: string;
  readonly key: MessageKey;
  readonly epoch: number;
  readonly cause: 'redriven' | 'replayed';
  readonly content: Message | Uint8Array;
  /** The dead letter that embeds it. */
  readonly letter?: MessageKey;
  /** The epoch that ended with that letter. */
  readonly before?: number;
}

/** As long as a message can be replayed, and longer. */
const KEPT_MS = 400 * 86_400_000;

export class Repeats {
  readonly #dynamodb: DynamoDBCalls;
  readonly #publisher: Publisher;
  readonly #trails: Trails;

  constructor(dynamodb: DynamoDBCalls, publishBatch: PublishBatch, trails: Trails) {
    this.#dynamodb = dynamodb;
    this.#publisher = new Publisher(publishBatch);
    this.#trails = trails;
  }

  /** A number that no delivery of the message to the agent has had. */
  async nextEpoch(namespace: string, agent: string, { topic, id }: MessageKey): Promise<number> {
    const { calls } = this.#dynamodb;
    const { partition, sort, ttl } = tableAttributes;
    const resource = calls.settings.ledgerTable;
    const command = new UpdateItemCommand({
      TableName: resource,
      Key: toAttributes({ [partition]: `${ledgerKey.agent(namespace, agent)}#${topic}/${id}`, [sort]: 'epoch' }),
      UpdateExpression: 'SET #ttl = :ttl ADD #epoch :one',
      ExpressionAttributeNames: { '#epoch': 'epoch', '#ttl': ttl },
      ExpressionAttributeValues: toAttributes({ ':one': 1, ':ttl': ttlOf(calls.clock.now(), KEPT_MS) }),
      ReturnValues: 'ALL_NEW',
    });
    // Repeated without harm: a number that was passed over is nobody's.
    const { Attributes = {} } = await this.#dynamodb.send(command, { action: 'dynamodb:UpdateItem', resource });
    return Number(fromAttributes(Attributes).epoch);
  }

  /** In their order. Rejects if any could not be published; the same may then be published again. */
  async publish(repeats: readonly Repeat[]): Promise<void> {
    const { settings } = this.#dynamodb.calls;
    const { topicArnPrefix } = settings;
    if (topicArnPrefix === undefined) {
      const problem = 'is missing: plans are run where a deployment has set it, or where it is given';
      throw new InvalidArgumentError([{ field: 'topicArnPrefix', problem }]);
    }
    for (const { content, agent, epoch, before } of repeats) {
      if (content instanceof Uint8Array) continue;
      // In this order: at any time either the dead letter counts or what takes its place.
      await this.#trails.routed([{ message: content, agents: [agent] }], epoch);
      if (before !== undefined) await this.#trails.redriven(content, agent, before);
    }
    const publications = repeats.map((repeat) => {
      const isOrdered = settings.queues[repeat.agent]?.isOrdered ?? this.#isOrdered(repeat.agent);
      const topicArn = `${topicArnPrefix}${familyTopicName(SYSTEM_FAMILY, isOrdered)}`;
      return { topicArn, isOrdered, entry: encodeEntry({ ...repeat, onlyFor: repeat.agent }) };
    });
    const failed = await this.#publisher.publish(publications);
    for (const error of failed.values()) throw error;
  }

  #isOrdered(agent: string): boolean {
    const { agents } = this.#dynamodb.calls.settings.manifest;
    return agents.some(({ name, ordering }) => name === agent && ordering === 'key');
  }
}
