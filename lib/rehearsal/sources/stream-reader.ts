/** @module Reads a table's stream, shard by shard, from its beginning on. */
import type { JsonObject } from '../../core/json.ts';
import { type EmulatorClient, listIn } from '../emulator-client.ts';

export interface StreamRecord {
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly arrivedAt: number;
  /** The same for all changes of one item. */
  readonly itemKey: string;
  /** As the function gets it. */
  readonly record: JsonObject;
}

export class StreamReader {
  readonly #tableName: string;
  readonly #sourceArn: string;
  readonly #client: EmulatorClient;
  readonly #iterators = new Map<string, string | undefined>();
  #streamArn: string | undefined;
  #complete = false;

  constructor(tableName: string, sourceArn: string, client: EmulatorClient) {
    this.#tableName = tableName;
    this.#sourceArn = sourceArn;
    this.#client = client;
  }

  /** What has come since the last call; empty where nothing has. */
  async read(): Promise<readonly StreamRecord[]> {
    if (!this.#complete) await this.#findShards('TRIM_HORIZON');
    const open = [...this.#iterators].filter((entry): entry is [string, string] => entry[1] !== undefined);
    const pages = await Promise.all(open.map(([shardId, iterator]) => this.#page(shardId, iterator)));
    return pages.flat();
  }

  /** Forgets what was not read, as a stream does after 24 hours. */
  async trim(): Promise<void> {
    this.#iterators.clear();
    await this.#findShards('LATEST');
  }

  async #findShards(position: 'TRIM_HORIZON' | 'LATEST'): Promise<void> {
    this.#streamArn ??= await this.#latestStream();
    const { StreamDescription } = await this.#client.streams('DescribeStream', { StreamArn: this.#streamArn });
    for (const { ShardId } of listIn<{ ShardId: string }>(StreamDescription as JsonObject, 'Shards')) {
      if (this.#iterators.has(ShardId)) continue;
      const { ShardIterator } = await this.#client.streams('GetShardIterator', {
        StreamArn: this.#streamArn,
        ShardId,
        ShardIteratorType: position,
      });
      this.#iterators.set(ShardId, String(ShardIterator));
    }
    this.#complete = this.#iterators.size > 0;
  }

  async #latestStream(): Promise<string> {
    const { Table } = await this.#client.dynamodb('DescribeTable', { TableName: this.#tableName });
    return String((Table as JsonObject).LatestStreamArn);
  }

  /** A shard that ends makes the next call look for new ones. */
  async #page(shardId: string, iterator: string): Promise<readonly StreamRecord[]> {
    const answer = await this.#client.streams('GetRecords', { ShardIterator: iterator, Limit: 1000 });
    const { NextShardIterator } = answer;
    this.#iterators.set(shardId, typeof NextShardIterator === 'string' ? NextShardIterator : undefined);
    if (typeof NextShardIterator !== 'string') this.#complete = false;
    return listIn<JsonObject>(answer, 'Records').map((record) => this.#recordOf(shardId, record));
  }

  #recordOf(shardId: string, record: JsonObject): StreamRecord {
    const change = record.dynamodb as JsonObject;
    return {
      shardId,
      sequenceNumber: String(change.SequenceNumber),
      arrivedAt: Date.now(),
      itemKey: JSON.stringify(Object.entries(change.Keys as JsonObject).toSorted()),
      record: {
        ...record,
        awsRegion: this.#sourceArn.split(':')[3] ?? '',
        eventSource: 'aws:dynamodb',
        eventSourceARN: this.#sourceArn,
      },
    };
  }
}
