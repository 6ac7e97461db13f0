/** @module The parts of the backend on AWS, put together. */
import type { AwsSettings } from './aws-settings.ts';
import { AwsCalls } from './calls/aws-calls.ts';
import { DynamoDBCalls } from './calls/dynamodb-calls.ts';
import { SnsCalls } from './calls/sns-calls.ts';
import { SqsCalls } from './calls/sqs-calls.ts';
import { Commits } from './ledger/commit.ts';
import { Consumers } from './ledger/consumers.ts';
import { DropCounts } from './ledger/drop-counts.ts';
import { Ends } from './ledger/ends.ts';
import { Settlements } from './ledger/settlements.ts';
import { Switches } from './ledger/switches.ts';
import { Trails } from './ledger/trails.ts';
import { Attachments } from './log/attachments.ts';
import { LogReader } from './log/log-reader.ts';
import { LogWriter } from './log/log-writer.ts';
import { TopicNames } from './log/topic-names.ts';
import { Acks } from './queues/acks.ts';
import { InHand } from './queues/in-hand.ts';
import { Intake } from './queues/intake.ts';
import { directBy } from './relay/direct.ts';
import { Routes } from './relay/routes.ts';
import { publishBatchBy } from './relay/sns-batch.ts';

export type AwsParts = ReturnType<typeof awsParts>;

/** @param pausedMs How long what arrives for a paused agent stays in its queue unseen. */
export function awsParts(settings: AwsSettings, pausedMs: number) {
  const calls = new AwsCalls(settings);
  const [dynamodb, sqs] = [new DynamoDBCalls(calls), new SqsCalls(calls)];
  const publishBatch = publishBatchBy(new SnsCalls(calls));
  const attachments = new Attachments(calls);
  const topicNames = new TopicNames(dynamodb);
  const { topicArnPrefix } = settings;
  // Without the right to publish, as agents are, all is handed on from the log.
  const openDirectBatch =
    topicArnPrefix === undefined ? undefined : directBy(new Routes(settings, topicArnPrefix), publishBatch);
  const writer = new LogWriter({
    calls,
    dynamodb,
    attachments,
    topicNames,
    ...(openDirectBatch && { openDirectBatch }),
  });
  const reader = new LogReader({ calls, dynamodb, attachments, topicNames });
  const commits = new Commits(dynamodb);
  const [acks, inHand] = [new Acks(sqs), new InHand()];
  const [switches, dropCounts, trails] = [new Switches(dynamodb), new DropCounts(dynamodb), new Trails(dynamodb)];
  const ends = new Ends(calls, commits, writer);
  const settlements = new Settlements({ calls, commits, ends, log: writer, acks, inHand, dropCounts, trails });
  const shared = { dynamodb, commits, acks, dropCounts, trails };
  const readLog = reader.stored.bind(reader);
  const intake = new Intake({ ...shared, inHand, switches, settlements, readLog, pausedMs });
  return {
    calls,
    dynamodb,
    sqs,
    writer,
    reader,
    attachments,
    acks,
    intake,
    switches,
    settlements,
    consumers: new Consumers(calls, commits, acks),
    dropCounts,
    commits,
    trails,
    publishBatch,
  };
}
