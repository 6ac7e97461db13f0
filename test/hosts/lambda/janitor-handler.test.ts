import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { defineAgent } from 'guildwire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { awsSettings } from '../../../lib/backends/aws/aws-settings.ts';
import { AwsCalls } from '../../../lib/backends/aws/calls/aws-calls.ts';
import { SqsCalls } from '../../../lib/backends/aws/calls/sqs-calls.ts';
import { encodeEntry } from '../../../lib/backends/aws/queues/queue-entry.ts';
import { encodeHeldBack } from '../../../lib/backends/aws/relay/held-back.ts';
import { encodeSafetyEntry } from '../../../lib/backends/aws/relay/safety-entry.ts';
import { Priority } from '../../../lib/core/gemstone-id.ts';
import type { Message } from '../../../lib/core/message.ts';
import type { JanitorEvent } from '../../../lib/environment/janitor-event.ts';
import { janitorHandler } from '../../../lib/hosts/lambda/janitor-handler.ts';
import { RecordedLog } from '../../guild/lab.ts';
import { AgentLab, eventOf, say } from './agent-lab.ts';
import { contextOf } from './lab.ts';

let lab: AgentLab;
beforeAll(async () => {
  lab = await AgentLab.start();
});
afterAll(() => lab[Symbol.asyncDispose]());

const agentOf = (name: string, guarantee: 'at-least-once' | 'exactly-once' = 'at-least-once') =>
  defineAgent({ name, entry: import.meta.url, subscribes: ['doc.*'], guarantee, handlers: (on) => [on.any(() => {})] });

async function swept(name: string, guarantee?: 'exactly-once') {
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
