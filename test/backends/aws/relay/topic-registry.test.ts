import { afterAll, beforeAll, expect, test } from 'vitest';
import { AwsCalls } from '../../../../lib/backends/aws/calls/aws-calls.ts';
import { DynamoDBCalls } from '../../../../lib/backends/aws/calls/dynamodb-calls.ts';
import { Commits } from '../../../../lib/backends/aws/ledger/commit.ts';
import { Attachments } from '../../../../lib/backends/aws/log/attachments.ts';
import { LogWriter } from '../../../../lib/backends/aws/log/log-writer.ts';
import type { PreparedDraft } from '../../../../lib/backends/aws/log/prepared.ts';
import { TopicNames } from '../../../../lib/backends/aws/log/topic-names.ts';
import { TopicRegistry } from '../../../../lib/backends/aws/relay/topic-registry.ts';
import { type Clock, systemClock } from '../../../../lib/core/clock.ts';
import { createGemstoneIdGenerator, timeOf } from '../../../../lib/core/gemstone-id.ts';
import { type Emulators, startEmulators } from '../../../../lib/rehearsal/emulators.ts';
import { emulatedSettings } from '../../../aws-emulators/emulated-settings.ts';
import { createTables } from '../../../aws-emulators/tables.ts';
import { HttpGate } from '../http-gate.ts';

/** How old the id of an announcement may be when it is put: of the 10 s that tails look back clocks and indexes take 5. */
const FRESH_MS = 5_000;
const A_TRY_MS = 900;
let emulators: Emulators;
beforeAll(async () => {
  emulators = await startEmulators();
});
afterAll(() => emulators[Symbol.asyncDispose]());

test('an announcement is never put under an id that is old; the topic is announced when its record comes again', async () => {
  let passedMs = 0;
  const clock: Clock = { ...systemClock, now: () => Date.now() + passedMs };
  await using gate = await HttpGate.open(emulators.endpoints.dynamodb);
  const tables = await createTables(emulators.endpoints);
  const endpoints = { ...emulators.endpoints, dynamodb: gate.url };
  using calls = new AwsCalls(emulatedSettings(emulators, tables, { endpoints, clock, timeoutMs: 10_000 }));
  const dynamodb = new DynamoDBCalls(calls);
  const [attachments, topicNames] = [new Attachments(calls), new TopicNames(dynamodb)];
  const writer = new LogWriter({ calls, dynamodb, attachments, topicNames });
  let prepared: readonly PreparedDraft[] = [];
  const ages: number[] = [];
  const registry = new TopicRegistry({
    dynamodb,
    commits: new Commits(dynamodb),
    async prepare(drafts) {
      prepared = await writer.prepare(drafts);
      return prepared;
    },
  });
  const key = { topic: 'doc.new', id: createGemstoneIdGenerator(() => Date.now()).next(4) };
  gate.isRefused = (operation) => {
    if (operation !== 'TransactWriteItems') return false;
    ages.push(clock.now() - timeOf((prepared[0] as PreparedDraft).id));
    passedMs += A_TRY_MS;
    return true;
  };

  const failed = registry.register('test', key);

  await expect(failed).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  expect(Math.max(...ages)).toBeLessThan(FRESH_MS);
  expect(registry.isKnown('test', 'doc.new')).toBe(false);
  gate.isRefused = () => false;
  passedMs = 0;
  await registry.register('test', key);
  expect(registry.isKnown('test', 'doc.new')).toBe(true);
});
