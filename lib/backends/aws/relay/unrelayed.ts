/**
 * @module What may not have been relayed: everything that was stored since a point in time, sent to the relay once more. It
 * heals an outage beyond the day that the stream keeps its records. What had been relayed goes to its agents once more: the
 * ledger knows which of it exactly-once agents have handled, and others get it again.
 *
 * It looks at the whole table, since a topic that was first used during the outage is written down nowhere else.
 */
import { ScanCommand, type ScanCommandOutput } from '@aws-sdk/client-dynamodb';
import { InvalidArgumentError, UndecodableError } from '../../../core/errors.ts';
import { firstIdOf, type GemstoneId } from '../../../core/gemstone-id.ts';
import { tableAttributes } from '../../../environment/aws-keys.ts';
import { type AwsOptions, awsSettings } from '../aws-settings.ts';
import type { Attributes } from '../calls/attribute-values.ts';
import { AwsCalls } from '../calls/aws-calls.ts';
import { DynamoDBCalls } from '../calls/dynamodb-calls.ts';
import { SqsCalls } from '../calls/sqs-calls.ts';
import { type ItemPlace, placeOf } from '../log/item.ts';
import { encodeHeldBack, MAX_HELD } from './held-back.ts';

export interface UnrelayedOptions {
  /** Unix ms. */
  readonly since: number;
  /** Unix ms; later ones are left to the relay. @default - none */
  readonly until?: number;
  /** @default - all */
  readonly namespace?: string;
  /** Told how many messages were sent so far. */
  readonly onProgress?: (messages: number) => void;
  /** Stops between two calls; then the rest is not sent. */
  readonly signal?: AbortSignal;
}

/** Messages of one partition of the log, in their order. */
interface Run {
  readonly namespace: string;
  readonly topic: string;
  readonly partition: string;
  readonly ids: GemstoneId[];
}

const TRY_MS = 10_000;

/**
 * Sends what was stored since then to the relay's queue, and tells how many messages that were. It may be repeated. Messages of
 * an ordered family are handed on in order up to a hundred at a time, and beyond that as the queue brings them.
 *
 * Needs `dynamodb:Scan` on the Messages table and `sqs:SendMessage` on the queue: those of an operator, and no function's.
 *
 * @throws InvalidArgumentError if nothing names the queue; BackendUnavailableError, and then what was sent so far was sent.
 */
export async function sendUnrelayed(options: AwsOptions, which: UnrelayedOptions): Promise<number> {
  const settings = awsSettings(options);
  const { delaysQueue } = settings;
  if (delaysQueue === undefined) {
    const problem = 'is missing: open aws:FILE with the outputs of the deployment, or name the queue';
    throw new InvalidArgumentError([{ field: 'delaysQueue', problem }]);
  }
  using calls = new AwsCalls(settings);
  const sqs = new SqsCalls(calls);
  let sent = 0;
  for await (const runs of scanned(new DynamoDBCalls(calls), which)) {
    const entries = runs.map(({ namespace, topic, ids }) => ({
      MessageBody: encodeHeldBack({ namespace, topic, ids }),
    }));
    for (const outcome of await sqs.sendBatch(delaysQueue, entries)) if (!outcome.ok) throw outcome.error;
    sent += runs.reduce((sum, { ids }) => sum + ids.length, 0);
    which.onProgress?.(sent);
    if (which.signal?.aborted) break;
  }
  return sent;
}

async function* scanned(dynamodb: DynamoDBCalls, options: UnrelayedOptions): AsyncGenerator<readonly Run[]> {
  const { since, until = Number.POSITIVE_INFINITY, namespace } = options;
  const { messagesTable: TableName } = dynamodb.calls.settings;
  const { partition, sort } = tableAttributes;
  const isBounded = Number.isFinite(until);
  let start: ScanCommandOutput['LastEvaluatedKey'];
  do {
    const command = new ScanCommand({
      TableName,
      ProjectionExpression: '#p, #s',
      FilterExpression: `#s >= :since${isBounded ? ' AND #s < :until' : ''}${namespace === undefined ? '' : ' AND begins_with(#p, :ns)'}`,
      ExpressionAttributeNames: { '#p': partition, '#s': sort },
      ExpressionAttributeValues: {
        ':since': { S: firstIdOf(since) },
        ...(isBounded && { ':until': { S: firstIdOf(until) } }),
        ...(namespace !== undefined && { ':ns': { S: `${namespace}#` } }),
      },
      ...(start !== undefined && { ExclusiveStartKey: start }),
    });
    const page = await dynamodb.send(command, { action: 'dynamodb:Scan', resource: TableName, tryMs: TRY_MS });
    yield runsOf((page.Items ?? []).flatMap((item) => placeIn(item) ?? []));
    start = page.LastEvaluatedKey;
  } while (start !== undefined);
}

/** Undefined for a key that is none of a message, as reads pass over it: one item must not keep all others from their agents. */
function placeIn(item: Attributes): ItemPlace | undefined {
  try {
    return placeOf(item);
  } catch (error) {
    if (error instanceof UndecodableError) return undefined;
    throw error;
  }
}

/** Replies are read by who asked, and go nowhere. */
function runsOf(places: readonly ItemPlace[]): readonly Run[] {
  const runs: Run[] = [];
  for (const { namespace, topic, shard, id } of places) {
    if (topic.startsWith('$reply.')) continue;
    const partition = `${namespace}#${topic}#${shard}`;
    const last = runs.at(-1);
    if (last?.partition === partition && last.ids.length < MAX_HELD) last.ids.push(id);
    else runs.push({ namespace, topic, partition, ids: [id] });
  }
  return runs;
}
