import { genericJson, openBus } from 'guildwire';
import { expect, test } from 'vitest';
import { httpHandler } from '../../../lib/hosts/lambda/http-handler.ts';
import { family, follower, manifestOf } from '../../backends/aws/relay/lab.ts';
import { bodyOf, contextOf, httpEvent, inMemory, jwt } from './lab.ts';

const manifest = manifestOf(
  [follower('reader', ['doc.*'])],
  [family('doc.*'), family('strict.*', { formats: ['doc.task'] })],
);
const inProd = '/v1/namespaces/prod/topics/doc.new/messages';

test('publishes and reads what a signed request asks for; the sender is who signed it', async () => {
  const { options, backend } = inMemory();
  const handler = httpHandler(manifest, options);

  const stored = await handler(httpEvent(inProd, { body: { payload: { n: 1 } } }), contextOf());
  const page = await handler(httpEvent(`${inProd}?limit=5`), contextOf());

  expect(stored).toMatchObject({ statusCode: 202, isBase64Encoded: false });
  expect(stored.headers.location).toContain('/v1/namespaces/prod/messages/doc.new/');
  expect(bodyOf(page)).toMatchObject({
    items: [{ payload: { n: 1 }, sender: { id: 'user:assumed-role/Editor/ada' } }],
  });
  expect((await openBus(backend, { namespace: 'prod', sender: 'x' }).read({ topic: 'doc.new' })).items).toHaveLength(1);
});

test('a body in base64, a stage before the path and a decoded conversation are understood', async () => {
  const { options, backend } = inMemory();
  const bus = openBus(backend, { namespace: 'prod', sender: 'x' });
  await bus.publish('doc.new', genericJson, 1, { conversationId: 'is it? #1 ü' });
  const handler = httpHandler(manifest, options);

  const body = { payload: 'grüße' };
  const stored = await handler(httpEvent(inProd, { body, isBase64Encoded: true, stage: 'live' }), contextOf());
  const spoken = await handler(
    { ...httpEvent('/'), rawPath: '/v1/namespaces/prod/conversations/is it? #1 ü' },
    contextOf(),
  );

  expect(stored.statusCode).toBe(202);
  expect((await bus.read({ topic: 'doc.new' })).items.map(({ payload }) => payload)).toEqual([1, 'grüße']);
  expect(bodyOf(spoken)).toMatchObject({ items: [{ payload: 1 }] });
});

test.for([
  '/v1/namespaces/test/../prod/topics/doc.new/messages',
  '/v1/namespaces/test/%2e%2E/prod/topics/doc.new/messages',
  '/v1/./namespaces/prod/topics/doc.new/messages',
  '/v1/namespaces/test\\..\\..\\namespaces\\prod/topics/doc.new/messages',
  '/v1/namespaces/%70rod/topics/doc.new/messages',
  '/v1/namespaces/prod/topics/doc.new/messages/..',
])('a path that leads elsewhere than a policy on paths could see is refused: %s', async (rawPath) => {
  const { options, backend } = inMemory();
  const handler = httpHandler(manifest, options);

  const { statusCode } = await handler({ ...httpEvent(inProd, { body: { payload: 1 } }), rawPath }, contextOf());

  expect(statusCode).toBeGreaterThanOrEqual(400);
  expect(statusCode).toBeLessThan(500);
  expect((await openBus(backend, { namespace: 'prod', sender: 'x' }).read({ topic: 'doc.new' })).items).toEqual([]);
});

test('a name that a path cannot hold as it is stays that name, with or without its escapes', async () => {
  const { options, backend } = inMemory();
  const bus = openBus(backend, { namespace: 'prod', sender: 'x' });
  const conversationId = 'a\\b..c. %';
  await bus.publish('doc.new', genericJson, 1, { conversationId });
  const handler = httpHandler(manifest, options);
  const asked = (name: string) =>
    handler({ ...httpEvent('/'), rawPath: `/v1/namespaces/prod/conversations/${name}` }, contextOf());

  const answers = [await asked(conversationId), await asked(encodeURIComponent(conversationId))];

  for (const answer of answers) expect(bodyOf(answer)).toMatchObject({ items: [{ payload: 1 }] });
});

test('a token for something that is no namespace still does what else its claims say', async () => {
  const { options } = inMemory({ namespaces: '*' });
  const handler = httpHandler(manifest, options);
  const authorizer = jwt({ guildwire_namespaces: 'prod urn:tenant/1' });

  const { statusCode } = await handler(httpEvent(inProd, { authorizer, body: { payload: 1 } }), contextOf());

  expect(statusCode).toBe(202);
});

test('a token does what its claims say, and a namespace that it may not touch looks like one that does not exist', async () => {
  const { options } = inMemory({ namespaces: ['prod', 'test'] });
  const handler = httpHandler(manifest, options);
  const ask = async (claims: object, path: string, body?: unknown) =>
    handler(httpEvent(path, { authorizer: jwt({ ...claims }), body }), contextOf());
  const message = { payload: 1 };
  const pause = '/v1/namespaces/prod/agents/reader/pause';

  const answers = {
    own: await ask({ guildwire_namespaces: 'prod, other' }, inProd, message),
    array: await ask({ 'custom:guildwire_namespaces': '[test prod]' }, inProd, message),
    any: await ask({ guildwire_namespaces: '*' }, inProd, message),
    unclaimed: await ask({}, inProd, message),
    foreign: await ask({ guildwire_namespaces: 'test' }, inProd, message),
    unserved: await ask({ guildwire_namespaces: 'other' }, inProd.replace('prod', 'other'), message),
    missing: await ask({ guildwire_namespaces: 'test' }, inProd.replace('prod', 'nowhere'), message),
    operate: await ask({ guildwire_namespaces: 'prod' }, pause, {}),
    readOnly: await ask({ guildwire_namespaces: 'prod', guildwire_permissions: 'read' }, inProd, message),
  };

  expect(Object.fromEntries(Object.entries(answers).map(([name, { statusCode }]) => [name, statusCode]))).toEqual({
    own: 202,
    array: 202,
    any: 202,
    unclaimed: 403,
    foreign: 403,
    unserved: 403,
    missing: 403,
    operate: 403,
    readOnly: 403,
  });
  const without = (answer: typeof answers.foreign, name: string) =>
    JSON.stringify({ ...(bodyOf(answer) as object), requestId: '' }).replaceAll(name, 'X');
  expect(without(answers.foreign, 'prod')).toBe(without(answers.missing, 'nowhere'));
});

test('fails with 401 where no authorizer says who calls, whatever the request claims', async () => {
  const { options } = inMemory();
  const event = httpEvent(inProd, { body: { payload: 1 }, headers: { authorization: 'Bearer of-anything-at-all' } });
  const { authorizer: _, ...requestContext } = event.requestContext;

  const answer = await httpHandler(manifest, options)({ ...event, requestContext }, contextOf());

  expect(answer.statusCode).toBe(401);
});

test('a topic with formats takes them by name, in any version; streams are answered with 501', async () => {
  const { options } = inMemory();
  const handler = httpHandler(manifest, options);
  const strict = inProd.replace('doc.new', 'strict.new');

  const fits = { payload: 1, format: 'doc.task', formatVersion: 3 };
  const answers = [
    await handler(httpEvent(strict, { body: fits }), contextOf()),
    await handler(httpEvent(strict, { body: { payload: 1 } }), contextOf()),
    await handler(httpEvent(strict, { body: [fits, { payload: 1, format: 'other' }] }), contextOf()),
    await handler(httpEvent(inProd, { body: { payload: 1, topics: ['strict.new'] } }), contextOf()),
    await handler(httpEvent('/v1/namespaces/prod/stream?topic=doc.new'), contextOf()),
  ];

  expect(answers.map(({ statusCode }) => statusCode)).toEqual([202, 400, 202, 400, 501]);
  expect(bodyOf(answers[1] as never)).toMatchObject({
    faults: [{ field: 'format', problem: expect.stringContaining('doc.task') }],
  });
  expect(bodyOf(answers[2] as never)).toMatchObject({ outcomes: [{ ok: true }, { ok: false }] });
});

test('an answer beyond what a function may give is refused, with what to do', async () => {
  const { options, backend } = inMemory();
  const bus = openBus(backend, { namespace: 'prod', sender: 'x' });
  for (let index = 0; index < 4; index++) await bus.publish('doc.new', genericJson, '"'.repeat(1_000_000));

  const answer = await httpHandler(manifest, options)(httpEvent(inProd), contextOf());

  expect(answer.statusCode).toBe(422);
  expect(bodyOf(answer)).toMatchObject({ code: 'ANSWER_TOO_LARGE', detail: expect.stringContaining('limit') });
});

test('a request that is none is refused; what is said has the id of the request', async () => {
  const { options, log } = inMemory({ open: () => Promise.reject(new Error('no table')) });
  const handler = httpHandler(manifest, options);

  expect((await handler(httpEvent('/', { method: 'TRACE' }), contextOf())).statusCode).toBe(400);
  await expect(handler(httpEvent(inProd), contextOf())).rejects.toThrow('no table');
  expect(log.said).toEqual([]);
});

test('fails at its start where the environment names no namespaces', () => {
  expect(() => httpHandler(manifest)).toThrow(/GUILDWIRE_NAMESPACES: is not set/);
});
