import { openBus } from 'guildwire';
import { expect, test } from 'vitest';
import { type IngestEvent, ingestHandler } from '../../../lib/hosts/lambda/ingest-handler.ts';
import { family, follower, manifestOf } from '../../backends/aws/relay/lab.ts';
import { contextOf, httpEvent, inMemory } from './lab.ts';

const manifest = manifestOf([follower('reader', ['doc.*'])], [family('doc.*')]);
const message = { namespace: 'prod', topic: 'doc.new', payload: { n: 1 } };

test('takes a message that it is invoked with, as its own sender, and a request of the API', async () => {
  const { options, backend } = inMemory();
  const handler = ingestHandler(manifest, options);

  const stored = await handler({ ...message, idempotencyKey: 'k', priority: 1 }, contextOf());
  const again = await handler({ ...message, idempotencyKey: 'k', priority: 1 }, contextOf());
  const asked = await handler(
    httpEvent('/v1/namespaces/test/topics/doc.new/messages', { body: { payload: 2 } }),
    contextOf(),
  );

  const { items } = await openBus(backend, { namespace: 'prod', sender: 'x' }).read({ topic: 'doc.new' });
  expect(items).toMatchObject([{ payload: { n: 1 }, sender: { id: 'user:invoke' } }]);
  expect(stored).toEqual({ id: items[0]?.id, duplicate: false });
  expect(again).toEqual({ id: items[0]?.id, duplicate: true });
  expect(asked).toMatchObject({ statusCode: 202 });
});

test('of an array each has its outcome, in order, whatever namespaces and topics they go to', async () => {
  const { options, backend } = inMemory();
  const handler = ingestHandler(manifest, options);

  const answer = await handler(
    [
      message,
      { ...message, namespace: 'secret' },
      { ...message, topic: 'doc.old' },
      { ...message, namespace: 'no/such' },
      { ...message, topic: 'elsewhere' },
      { ...message, payload: 2 },
      { namespace: 'prod', topic: 'doc.new' } as never,
      7 as never,
    ],
    contextOf(),
  );

  const { outcomes } = answer as { outcomes: { ok: boolean; problem?: { code: string; status: number } }[] };
  expect(outcomes.map(({ ok, problem }) => (ok ? 'ok' : problem?.code))).toEqual([
    'ok',
    'FORBIDDEN',
    'ok',
    'INVALID_MESSAGE',
    'INVALID_MESSAGE',
    'ok',
    'INVALID_MESSAGE',
    'INVALID_MESSAGE',
  ]);
  const { items } = await openBus(backend, { namespace: 'prod', sender: 'x' }).read({ topic: 'doc.new' });
  expect(items.map(({ payload }) => payload)).toEqual([{ n: 1 }, 2]);
});

test.each<[string, unknown, string]>([
  ['nothing', null, 'event: got null: allowed are a message'],
  ['text', 'hello', 'event: got "hello"'],
  ['an object that is no message', { hello: 1 }, 'namespace: got undefined'],
  ['a topic that is none', { ...message, topic: 'a#b' }, 'topic: got "a#b"'],
  ['more than 100', Array.from({ length: 101 }, () => message), 'event: has 101 messages: allowed are at most 100'],
  ['a queue event', { Records: [] }, 'namespace: got undefined'],
])('fails clearly for %s', async (_, event, text) => {
  const { options } = inMemory();

  await expect(ingestHandler(manifest, options)(event as IngestEvent, contextOf())).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining(text),
  });
});

test('fails with what is wrong with a single message', async () => {
  const { options } = inMemory();
  const handler = ingestHandler(manifest, options);

  await expect(handler({ ...message, priority: 12 }, contextOf())).rejects.toMatchObject({
    code: 'INVALID_MESSAGE',
    retryable: false,
    message: expect.stringContaining('priority'),
  });
  await expect(handler({ ...message, namespace: 'secret' }, contextOf())).rejects.toMatchObject({ code: 'FORBIDDEN' });
  const { payload: _, ...place } = message;
  const attachment = { bytes: 1, sha256: 'a'.repeat(64) };
  await expect(handler({ ...place, attachment }, contextOf())).rejects.toMatchObject({ code: 'UNSUPPORTED_FEATURE' });
});
