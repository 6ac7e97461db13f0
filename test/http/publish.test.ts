import { BackendUnavailableError, defineGuild, MemoryBackend, type Message, parseReference } from 'guildwire';
import type { Problem } from 'guildwire/http';
import { circuitBreaker, filter } from 'guildwire/middleware';
import { describe, expect, test } from 'vitest';
import { docGuild, fieldsOf, HttpLab, NS, worker } from './lab.ts';

const MESSAGES = `${NS}/topics/doc.tasks/messages`;

async function stored(lab: HttpLab, reference: string): Promise<Message> {
  const { topic, id } = parseReference(reference);
  const { body } = await lab.ask<Message>(`${NS}/messages/${topic}/${id}`);
  return body;
}

describe('one message', () => {
  test('is stored, and answered with its id and its place', async () => {
    await using lab = new HttpLab();

    const { status, headers, body } = await lab.post<{ id: string }>(MESSAGES, { payload: { a: [1, 'ü'] } });
    const place = headers.get('location') ?? '';
    const found = await lab.ask<Message>(place);

    expect({ status, body }).toEqual({ status: 202, body: { id: body.id, duplicate: false } });
    expect(place).toBe(`${NS}/messages/doc.tasks/${body.id}`);
    expect(found.body).toMatchObject({
      payload: { a: [1, 'ü'] },
      format: 'generic_json',
      sender: { id: 'user:local' },
      topics: ['doc.tasks'],
    });
  });

  test('keeps everything that may be said of it', async () => {
    await using lab = new HttpLab();
    const said = {
      key: 'k',
      recipients: ['worker'],
      headers: { h: 'x' },
      conversationId: 'c 1',
      correlationId: 'y',
      replyTo: 'doc.answers',
      inReplyTo: 'doc.tasks/01HF7YAT000000000000000004',
      enrichWithHistory: 2,
      sessionState: { s: 1 },
      deadlineAt: 2_000_000_000_000,
      budget: { usd: 1, tokens: 5 },
      status: 'running',
      traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
      tracestate: 'v=1',
      format: 'some.format',
      formatVersion: 3,
    };

    const id = await lab.publish('doc.tasks', 1, { ...said, priority: 2, delayMs: 5, ttlMs: 60_000 });
    const message = await stored(lab, `doc.tasks/${id}`);

    expect(message).toMatchObject(said);
    expect(id).toMatch(/2$/);
    expect(message.deliverAt).toBe(lab.clock.now() + 5);
    expect(message.expiresAt).toBe(lab.clock.now() + 60_000);
  });

  test('lies under further topics with one id, and under each once', async () => {
    await using lab = new HttpLab();

    const id = await lab.publish('doc.a', 1, { topics: ['doc.b', 'doc.a'] });

    expect((await stored(lab, `doc.b/${id}`)).topics).toEqual(['doc.a', 'doc.b']);
  });

  test.each([
    ['Idempotency-Key', {}, { 'idempotency-key': 'once' }],
    ['idempotencyKey', { idempotencyKey: 'once' }, {}],
    ['both, which agree', { idempotencyKey: 'once' }, { 'idempotency-key': 'once' }],
  ])('is stored once under its %s', async (_, options, headers) => {
    await using lab = new HttpLab();

    const first = await lab.post<{ id: string }>(MESSAGES, { payload: 1, ...options }, headers);
    const again = await lab.post(MESSAGES, { payload: 1, ...options }, headers);
    const other = await lab.post<Problem>(MESSAGES, { payload: 2, ...options }, headers);

    expect(again.body).toEqual({ id: first.body.id, duplicate: true });
    expect({ status: other.status, code: other.body.code }).toEqual({ status: 409, code: 'IDEMPOTENCY_CONFLICT' });
  });

  test('has one key, not two', async () => {
    await using lab = new HttpLab();

    const { status, body } = await lab.post<Problem>(
      MESSAGES,
      { payload: 1, idempotencyKey: 'a' },
      { 'idempotency-key': 'b' },
    );

    expect(status).toBe(400);
    expect(fieldsOf(body)).toEqual(['Idempotency-Key']);
  });

  test('is refused with every fault, and by the name of what is unknown', async () => {
    await using lab = new HttpLab();

    const { status, body } = await lab.post<Problem>(MESSAGES, {
      sender: 'me',
      priority: 10,
      key: '',
      budget: { eur: 1 },
    });

    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'INVALID_MESSAGE', retryable: false });
    expect(fieldsOf(body).toSorted()).toEqual(['budget', 'key', 'payload', 'priority', 'sender']);
    expect(body.faults?.find(({ field }) => field === 'sender')?.problem).toMatch(/^is unknown: allowed are payload, /);
  });

  test.each([['null'], ['1'], ['"text"'], ['true']])('is an object, and not %s', async (json) => {
    await using lab = new HttpLab();

    const body = await lab.refused(MESSAGES, {
      method: 'POST',
      body: json,
      headers: { 'content-type': 'application/json' },
    });

    expect(body).toMatchObject({ status: 400, code: 'INVALID_MESSAGE' });
    expect(fieldsOf(body)).toEqual(['body']);
  });

  test('goes nowhere where only the platform writes, and to no pattern', async () => {
    await using lab = new HttpLab();

    expect(await lab.post(`${NS}/topics/$dead.worker/messages`, { payload: 1 })).toMatchObject({ status: 400 });
    expect(await lab.post(`${NS}/topics/doc.*/messages`, { payload: 1 })).toMatchObject({ status: 400 });
    expect(await lab.post(`${NS}/topics/$inbox.worker/messages`, { payload: 1 })).toMatchObject({ status: 202 });
  });
});

describe('the guild', () => {
  test('decides which topics there are', async () => {
    await using lab = new HttpLab({ guild: docGuild });

    const { status, body } = await lab.post<Problem>(`${NS}/topics/other/messages`, { payload: 1 });

    expect(status).toBe(400);
    expect(fieldsOf(body)).toEqual(['topics']);
  });

  test('checks payloads of the formats that it knows, and says where they are wrong', async () => {
    await using lab = new HttpLab({ guild: docGuild });

    const right = await lab.post(MESSAGES, { format: 'doc.task', payload: { text: 'x' } });
    const wrong = await lab.post<Problem>(MESSAGES, { format: 'doc.task', payload: { text: 1, line: 'y' } });

    expect(right.status).toBe(202);
    expect(fieldsOf(wrong.body)).toEqual(['payload.text', 'payload.line']);
  });

  test('knows the version of its formats', async () => {
    await using lab = new HttpLab({ guild: docGuild });
    const payload = { text: 'x' };

    const id = await lab.publish('doc.tasks', payload, { format: 'doc.task' });
    const same = await lab.post(MESSAGES, { format: 'doc.task', formatVersion: 2, payload });
    const other = await lab.post<Problem>(MESSAGES, { format: 'doc.task', formatVersion: 1, payload });

    expect((await stored(lab, `doc.tasks/${id}`)).formatVersion).toBe(2);
    expect(same.status).toBe(202);
    expect(fieldsOf(other.body)).toEqual(['formatVersion']);
  });

  test('names the formats of a topic', async () => {
    await using lab = new HttpLab({ guild: docGuild });

    const wrong = await lab.post<Problem>(`${NS}/topics/strict.x/messages`, { payload: 1 });
    const unfit = await lab.post<Problem>(`${NS}/topics/strict.x/messages`, { format: 'doc.result', payload: {} });

    expect(fieldsOf(wrong.body)).toEqual(['format']);
    expect(fieldsOf(unfit.body)).toEqual(['payload.text']);
  });
});

describe('what stands around publishing', () => {
  const said = (payload: string) => ({ payload });

  test('stands around publishing over HTTP as well', async () => {
    const use = [filter({ publish: (payload) => payload !== 'secret' })];
    const guild = defineGuild({ name: 'quiet', agents: [worker], allowUndeclared: true, use });
    for (const options of [{ guild }, { use }]) {
      await using lab = new HttpLab(options);
      const refused = await lab.post<Problem>(MESSAGES, said('secret'));

      expect({ status: refused.status, code: refused.body.code }).toEqual({ status: 422, code: 'FILTERED' });
      expect((await lab.post(MESSAGES, said('news'))).status).toBe(202);
    }
  });

  test('says when to come back', async () => {
    const use = [circuitBreaker({ failures: 1, openMs: 7_000 })];
    await using lab = new HttpLab({
      use,
      wrap: () =>
        Object.assign(new MemoryBackend(), { append: () => Promise.reject(new BackendUnavailableError('gone')) }),
    });

    const first = await lab.post<Problem>(MESSAGES, said('x'));
    const second = await lab.post<Problem>(MESSAGES, said('x'));

    expect(first.body.code).toBe('BACKEND_UNAVAILABLE');
    expect(second.body).toMatchObject({ status: 503, code: 'CIRCUIT_OPEN', retryable: true });
    expect(second.headers.get('retry-after')).toBe('7');
  });
});

describe('a batch', () => {
  test('has one outcome for each message, in their order', async () => {
    await using lab = new HttpLab({ guild: docGuild });
    const batch = [
      { payload: 1 },
      { payload: 2, unheard: true },
      { payload: { text: 3 }, format: 'doc.task' },
      { payload: 4, idempotencyKey: 'k' },
      { payload: 4, idempotencyKey: 'k' },
      null,
    ];

    const { status, body } = await lab.post<{ outcomes: { ok: boolean; duplicate?: boolean; problem?: Problem }[] }>(
      MESSAGES,
      batch,
    );

    expect(status).toBe(202);
    expect(body.outcomes.map(({ ok }) => ok)).toEqual([true, false, false, true, true, false]);
    expect(body.outcomes.map(({ duplicate }) => duplicate)).toEqual([
      false,
      undefined,
      undefined,
      false,
      true,
      undefined,
    ]);
    expect(body.outcomes[1]?.problem).toMatchObject({
      code: 'INVALID_MESSAGE',
      status: 400,
      faults: [{ field: 'unheard' }],
    });
    expect(body.outcomes[2]?.problem?.faults).toMatchObject([{ field: 'payload.text' }]);
  });

  test('may be empty, and may have 100 messages but not 101', async () => {
    await using lab = new HttpLab();
    const batchOf = (length: number) =>
      lab.post<{ outcomes?: unknown[] }>(MESSAGES, Array(length).fill({ payload: 1 }));

    expect((await batchOf(0)).body).toEqual({ outcomes: [] });
    expect((await batchOf(100)).body.outcomes).toHaveLength(100);
    expect((await batchOf(101)).status).toBe(400);
    expect((await lab.ask<{ items: [] }>(`${MESSAGES}?limit=1000`)).body.items).toHaveLength(100);
  });

  test('takes no Idempotency-Key', async () => {
    await using lab = new HttpLab();

    const { status, body } = await lab.post<Problem>(MESSAGES, [{ payload: 1 }], { 'idempotency-key': 'k' });

    expect(status).toBe(400);
    expect(fieldsOf(body)).toEqual(['Idempotency-Key']);
    expect((await lab.ask(MESSAGES)).body).toEqual({ items: [] });
  });
});
