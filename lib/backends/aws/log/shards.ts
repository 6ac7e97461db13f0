/**
 * @module Over which partitions a topic is spread. A count may only grow (1, 4, 16), so that what was stored under a smaller
 * one lies in a partition of its own count, and reading all of them finds everything.
 */
import { effectiveKey, type Message, type MessageKey } from '../../../core/message.ts';
import { type AwsSettings, isOrderedTopic } from '../aws-settings.ts';

type ShardCount = 1 | 4 | 16;

const COUNTS: readonly ShardCount[] = [1, 4, 16];

type Settings = Pick<AwsSettings, 'families' | 'manifest'>;

function shardCountOf({ families }: Settings, topic: string): ShardCount {
  return families.of(topic)?.shards ?? 1;
}

/** All that a topic is read from. */
export function shardsOf(settings: Settings, topic: string): readonly number[] {
  return Array.from({ length: shardCountOf(settings, topic) }, (_, shard) => shard);
}

/** Where a message is put under one of its topics: by its id, or by its key where somebody relies on the order of keys. */
export function shardOf(settings: Settings, message: Message): number {
  const count = shardCountOf(settings, message.topic);
  if (count === 1) return 0;
  return hash(isOrderedTopic(settings, message.topic) ? effectiveKey(message) : message.id) % count;
}

/** Where a message lies if it was put there by its id, under the count of now or a smaller one. */
export function likelyShardsOf(settings: Settings, { topic, id }: MessageKey): readonly number[] {
  const count = shardCountOf(settings, topic);
  const hashed = hash(id);
  return [...new Set(COUNTS.filter((each) => each <= count).map((each) => hashed % each))];
}

/** Where a message may lie that another version of the guild has put, which may have counted more. */
export const POSSIBLE_SHARDS: readonly number[] = Array.from({ length: Math.max(...COUNTS) }, (_, shard) => shard);

/** FNV-1a of the UTF-16 units, 32 bits, with a final mix so that the low bits depend on all. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return (value ^ (value >>> 13)) >>> 0;
}
