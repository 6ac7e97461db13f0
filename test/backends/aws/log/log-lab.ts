/** A log on emulators: tables of its own, a writer and a reader, and drafts to write. */
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { AwsOptions } from '../../../../lib/backends/aws/aws-settings.ts';
import { AwsCalls } from '../../../../lib/backends/aws/calls/aws-calls.ts';
import { DynamoDBCalls } from '../../../../lib/backends/aws/calls/dynamodb-calls.ts';
import { Attachments } from '../../../../lib/backends/aws/log/attachments.ts';
import { LogReader } from '../../../../lib/backends/aws/log/log-reader.ts';
import { type DirectBatch, LogWriter } from '../../../../lib/backends/aws/log/log-writer.ts';
import { TopicNames } from '../../../../lib/backends/aws/log/topic-names.ts';
import type { ReadQuery } from '../../../../lib/backends/backend.ts';
import type { GemstoneId } from '../../../../lib/core/gemstone-id.ts';
import { type Json, jsonBytes } from '../../../../lib/core/json.ts';
import type { Draft, Message } from '../../../../lib/core/message.ts';
import type { Emulators } from '../../../../lib/rehearsal/emulators.ts';
import { emulatedSettings } from '../../../aws-emulators/emulated-settings.ts';
import { createTables } from '../../../aws-emulators/tables.ts';

export interface LogLab {
  readonly calls: AwsCalls;
  readonly dynamodb: DynamoDBCalls;
  readonly writer: LogWriter;
  readonly reader: LogReader;
  readonly tables: { readonly messagesTable: string; readonly ledgerTable: string };
  /** Ids of what is stored; fails for what is not. */
  append(...drafts: readonly Draft[]): Promise<readonly GemstoneId[]>;
  /** Payloads of one page, oldest first unless the query says otherwise. */
  payloads(where: ReadQuery['where'], given?: Partial<ReadQuery>): Promise<readonly Json[]>;
}

let tableCount = 0;

/** @param given Goes before what the emulators say. */
export async function openLog(
  emulators: Emulators,
  given: Partial<AwsOptions> & { readonly openDirectBatch?: () => DirectBatch } = {},
): Promise<LogLab> {
  const { openDirectBatch, ...options } = given;
  const known = { messagesTable: options.messagesTable ?? '', ledgerTable: options.ledgerTable ?? '' };
  const tables =
    known.messagesTable === '' ? await createTables(emulators.endpoints, { suffix: `${tableCount++}` }) : known;
  const calls = new AwsCalls(emulatedSettings(emulators, tables, options));
  const dynamodb = new DynamoDBCalls(calls);
  const attachments = new Attachments(calls);
  const topicNames = new TopicNames(dynamodb);
  const parts = { calls, dynamodb, attachments, topicNames };
  const writer = new LogWriter({ ...parts, ...(openDirectBatch && { openDirectBatch }) });
  const reader = new LogReader(parts);
  return {
    calls,
    dynamodb,
    writer,
    reader,
    tables,
    async append(...drafts) {
      const outcomes = await writer.append(drafts, crypto.randomUUID());
      return outcomes.map((outcome) => {
        if (!outcome.ok) throw outcome.error;
        return outcome.id;
      });
    },
    async payloads(where, query = {}) {
      const page = await reader.read({ namespace: 'test', where, order: 'id', limit: 100, ...query });
      return page.items.map(({ payload }) => payload);
    },
  };
}

export async function createBucket({ endpoints, region, credentials }: Emulators, name: string): Promise<S3Client> {
  const client = new S3Client({ endpoint: endpoints.s3, region, credentials, forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: name }));
  return client;
}

const defaults: Draft['message'] = {
  namespace: 'test',
  topics: ['a'],
  sender: { id: 'user:tester' },
  format: 'generic_json',
  formatVersion: 1,
  encoding: 'json',
  payload: null,
  recipients: [],
  thread: [],
  steps: [],
  sessionState: {},
  enrichWithHistory: 0,
  hops: 0,
  headers: {},
};

export function draft(
  payload: Json,
  message: Partial<Message> = {},
  more: Partial<Pick<Draft, 'priority' | 'effect'>> = {},
): Draft {
  return { message: { ...defaults, ...message, payload }, priority: 4, payloadBytes: jsonBytes(payload), ...more };
}
