import { GetQueueAttributesCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { type Agent, defineAgent } from 'guildwire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { awsParts } from '../../../lib/backends/aws/aws-parts.ts';
import { awsSettings } from '../../../lib/backends/aws/aws-settings.ts';
import { AwsCalls } from '../../../lib/backends/aws/calls/aws-calls.ts';
import { SqsCalls } from '../../../lib/backends/aws/calls/sqs-calls.ts';
import type { AwsLease } from '../../../lib/backends/aws/queues/aws-lease.ts';
import { encodeEntry } from '../../../lib/backends/aws/queues/queue-entry.ts';
import { encodeHeldBack } from '../../../lib/backends/aws/relay/held-back.ts';
import { encodeSafetyEntry } from '../../../lib/backends/aws/relay/safety-entry.ts';
import { SafetyNet } from '../../../lib/backends/aws/relay/safety-net.ts';
import { Priority } from '../../../lib/core/gemstone-id.ts';
import type { Message } from '../../../lib/core/message.ts';
import type { JanitorEvent } from '../../../lib/environment/janitor-event.ts';
import { janitorHandler } from '../../../lib/hosts/lambda/janitor-handler.ts';
import { putMessage } from '../../backends/aws/raw-tables.ts';
import { RecordedLog } from '../../guild/lab.ts';
import { AgentLab, eventOf, say } from './agent-lab.ts';
import { contextOf } from './lab.ts';

let lab: AgentLab;
beforeAll(async () => {
  lab = await AgentLab.start();
});
afterAll(() => lab[Symbol.asyncDispose]());

const agentOf = (name: string, guarantee: Agent['guarantee'] = 'at-least-once') =>
  defineAgent({ name, entry: import.meta.url, subscribes: ['doc.*'], guarantee, handlers: (on) => [on.any(() => {})] });

async function swept(name: string, guarantee?: Agent['guarantee']) {
  const host = await lab.host(agentOf(name, guarantee));
  const log = new RecordedLog();
  const connection = { ...lab.options, topicArnPrefix: 'arn:x-', timeoutMs: 2_000 };
  const handler = janitorHandler(host.manifest, { connection, namespaces: ['prod', 'test'], log });
  const deadLetters = await lab.queue(`${name}-dead`);
  const safetyQueue = await lab.queue(`${name}-safety`);
  const event: JanitorEvent = {
    kind: 'guildwire.janitor',
    deadLetterQueues: { [name]: deadLetters },
    safetyQueue,
    sources: {},
    runsPlans: false,
  };
  const calls = new AwsCalls(awsSettings({ ...lab.options, manifest: host.manifest }));
  const sqs = new SqsCalls(calls);
  return {
    ...host,
    log,
    event,
    tick: (remainingMs = 60_000) => handler(event, contextOf(remainingMs)),
    put: (queue: 'dead' | 'safety', ...bodies: string[]) =>
      Promise.all(
        bodies.map((MessageBody) =>
          lab.sqs.send(new SendMessageCommand({ QueueUrl: queue === 'dead' ? deadLetters : safetyQueue, MessageBody })),
        ),
      ),
    left: async () => {
      const all = await Promise.all(
        [deadLetters, safetyQueue].map((url) => sqs.receive(url, { max: 10, waitMs: 0, visibilityTimeoutS: 0 })),
      );
      calls[Symbol.dispose]();
      return all.flat().length;
    },
  };
}

const bodyOf = (message: Message) =>
  encodeEntry({
    namespace: message.namespace,
    key: { topic: message.topic, id: message.id },
    epoch: 0,
    cause: 'published',
    content: message,
  }).body;

test('what a queue gave up on becomes a dead letter of its agent, in its namespace, and the queue is empty', async () => {
  const { put, tick, letters, left, backend } = await swept('stuck');
  const messages = [say(1), say(2, { namespace: 'test' }), say(3, { namespace: 'secret' })];
  await put('dead', ...messages.map(bodyOf), 'no entry at all');

  expect(await tick()).toEqual({ buried: 4, worked: 0 });

  const found = await letters();
  expect(found.map(({ reason }) => reason)).toEqual(['safety-net', 'safety-net', 'safety-net']);
  expect(found.filter(({ original }) => original !== undefined)).toMatchObject([
    { original: { payload: 1 }, agent: 'stuck' },
  ]);
  const raw = found.flatMap(({ raw = '' }) => (raw === '' ? [] : [Buffer.from(raw, 'base64').toString()]));
  // Of a foreign namespace nothing is told but its name.
  expect(raw.toSorted()).toEqual(['an entry of namespace "secret", which is not served here', 'no entry at all']);
  const query = { namespace: 'test', where: { deadLettersOf: 'stuck' }, order: 'id', limit: 10 } as const;
  expect((await backend.read(query)).items).toHaveLength(1);
  expect(await left()).toBe(0);
});

test('what was handled all the same makes no dead letter', async () => {
  const { put, tick, letters, left, started } = await swept('done', 'exactly-once');
  const message = say(1);
  expect(await started(eventOf(message))).toEqual([]);
  await put('dead', bodyOf(message));

  expect(await tick()).toEqual({ buried: 0, worked: 0 });
  expect(await letters()).toEqual([]);
  expect(await left()).toBe(0);
});

test('what the relay could not hand on becomes a dead letter of whoever follows it, with the message if it is in the log', async () => {
  const { put, tick, letters, left, backend, log } = await swept('missed');
  const { id: _, topic: __, ...draft } = say('logged');
  const outcomes = await backend.append([{ message: draft, priority: Priority.NORMAL, payloadBytes: 8 }], 'n');
  const [stored] = outcomes;
  if (!stored?.ok) throw new Error('was not stored');
  const unfollowed = say(1, { topic: 'strict.x', topics: ['strict.x'] });
  await put(
    'safety',
    encodeSafetyEntry({ pk: 'prod#doc.new#0', sk: stored.id, problem: 'refused by SNS' }),
    encodeSafetyEntry({ pk: 'prod#doc.new#0', sk: stored.id, problem: 'refused by SNS' }),
    encodeSafetyEntry({ pk: 'prod#doc.new#0', sk: say(1).id, problem: 'has no body' }),
    encodeSafetyEntry({ pk: 'prod#strict.x#0', sk: unfollowed.id, problem: 'refused by SNS' }),
    encodeHeldBack({ namespace: 'prod', topic: 'doc.new', ids: [say(2).id, say(3).id] }),
    encodeSafetyEntry({ pk: 'secret#doc.new#', sk: say(4).id, problem: 'not served' }),
    'nobody knows',
  );

  expect(await tick()).toEqual({ buried: 4, worked: 0 });

  const found = await letters();
  expect(found.map(({ reason }) => reason)).toEqual(Array(4).fill('safety-net'));
  expect(
    found.flatMap(({ original, errors }) => (original === undefined ? [] : [[original.payload, errors[0]?.message]])),
  ).toEqual([['logged', 'refused by SNS']]);
  const unknown = 'error: the safety queue held what belongs to nobody here';
  expect(log.texts.filter((text) => text === unknown)).toHaveLength(2);
  expect(await left()).toBe(0);
});

test('also while the agent is paused, and nothing is deleted that is in somebody’s hands', async () => {
  const { put, tick, letters, left, backend } = await swept('resting');
  const [dead, missed] = [say('dead'), say('missed')];
  await putMessage(lab, missed);
  await backend.pause('prod', 'resting', true);
  await put('dead', bodyOf(dead));
  await put('safety', encodeSafetyEntry({ pk: 'prod#doc.new#0', sk: missed.id, problem: 'refused by SNS' }));

  expect(await tick()).toEqual({ buried: 2, worked: 0 });
  expect((await letters()).map(({ original }) => original?.payload).toSorted()).toEqual(['dead', 'missed']);
  expect(await left()).toBe(0);
});

test('what somebody else has in hand stays in the safety queue', async () => {
  const { put, tick, letters, event, backend } = await swept('handed', 'at-most-once');
  const message = say('started');
  await putMessage(lab, message);
  const [lease] = (await backend
    .leasesOf(eventOf(message), { agent: 'handed', until: Date.now() + 30_000 })
    .lease(1)) as [AwsLease];
  await backend.start([lease]);
  await put('safety', encodeSafetyEntry({ pk: 'prod#doc.new#0', sk: message.id, problem: 'refused by SNS' }));

  expect(await tick()).toEqual({ buried: 0, worked: 0 });

  expect(await letters()).toEqual([]);
  const { QueueUrl, AttributeNames } = { QueueUrl: event.safetyQueue, AttributeNames: ['All' as const] };
  const { Attributes = {} } = await lab.sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
  expect(Attributes.ApproximateNumberOfMessagesNotVisible).toBe('1');
});

test('what was held for too long while it was opened stays in the safety queue, and goes when the ledger says that it ended', async () => {
  const { put, tick, letters, event, manifest, started } = await swept('late', 'exactly-once');
  const message = say('missed');
  await putMessage(lab, message);
  const parts = awsParts(awsSettings({ ...lab.options, manifest, timeoutMs: 2_000 }), 1_000);
  const open = async (...given: Parameters<typeof parts.intake.open>) => {
    const opened = await parts.intake.open(...given);
    for (const lease of opened.leases) lease.until = 0;
    return opened;
  };
  const intake = Object.assign(Object.create(parts.intake) as typeof parts.intake, { open });
  const net = new SafetyNet({ parts: { ...parts, intake }, namespaces: ['prod'], onUnknown: () => {} });
  const entry = encodeSafetyEntry({ pk: 'prod#doc.new#0', sk: message.id, problem: 'refused by SNS' });
  const waiting = async () => {
    const { QueueUrl, AttributeNames } = { QueueUrl: event.safetyQueue, AttributeNames: ['All' as const] };
    const { Attributes = {} } = await lab.sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
    return [Attributes.ApproximateNumberOfMessages, Attributes.ApproximateNumberOfMessagesNotVisible].map(Number);
  };
  await put('safety', entry);

  expect(await net.sweepRelay(event.safetyQueue ?? '', Date.now() + 60_000)).toBe(0);
  expect([await letters(), await waiting()]).toEqual([[], [0, 1]]);

  expect(await started(eventOf(message))).toEqual([]);
  await put('safety', entry);
  expect(await tick()).toEqual({ buried: 0, worked: 0 });
  expect([await letters(), await waiting()]).toEqual([[], [0, 1]]);
  parts.calls[Symbol.dispose]();
});

test('buries what is too large to be fetched, with the name of its payload', async () => {
  const { put, tick, letters, left } = await swept('heavy');
  const attachment = { bytes: 25_000_000, sha256: 'a'.repeat(64), location: 's3:prod' };
  const message = say(null, { attachment });
  await putMessage(lab, message);
  await put('dead', bodyOf(message));

  expect(await tick()).toEqual({ buried: 1, worked: 0 });

  expect(await letters()).toMatchObject([{ reason: 'safety-net', original: { id: message.id, attachment } }]);
  expect(await left()).toBe(0);
});

test('stops in time, and one queue that fails does not keep it from the others', async () => {
  const { put, tick, letters, event, log, left } = await swept('late');
  await put('safety', encodeSafetyEntry({ pk: 'prod#doc.new#0', sk: say(1).id, problem: 'x' }));
  await put('dead', bodyOf(say(1)));
  expect(await tick(15_000)).toEqual({ buried: 0, worked: 0 });

  const queues = event.deadLetterQueues as Record<string, string>;
  const url = queues.late;
  queues.late = `${url}-gone`;
  await expect(tick()).rejects.toMatchObject({ code: 'AWS_REFUSED' });

  expect(await letters()).toHaveLength(1);
  expect(log.texts).toContain('error: could not empty a queue: the next tick tries again');
  expect(await left()).toBe(1);
});

test('fails clearly for an event that is not its schedule’s', async () => {
  const { tick, event } = await swept('picky-janitor');
  Object.assign(event, { kind: 'other' });
  await expect(tick()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('event:') });
  Object.assign(event, { kind: 'guildwire.janitor', deadLetterQueues: { stranger: 'x' } });
  await expect(tick()).rejects.toThrow('deadLetterQueues.stranger: is no agent of this deployment');
});
