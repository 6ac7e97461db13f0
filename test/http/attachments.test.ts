import { createHash } from 'node:crypto';
import { bearerToken, type Problem } from 'guildwire/http';
import { describe, expect, test } from 'vitest';
import { docGuild, fieldsOf, HttpLab, NS, type PageBody, payloadsOf } from './lab.ts';
import { UploadLab } from './upload-lab.ts';

const MESSAGES = `${NS}/topics/doc.tasks/messages`;
const sha256 = createHash('sha256').update('x').digest('hex');

function labs(options: ConstructorParameters<typeof HttpLab>[0] = {}) {
  const store = new UploadLab();
  return { store, lab: new HttpLab({ ...options, wrap: store.wrap }) };
}

describe('a place for a payload', () => {
  test('is one request, in the namespace of the path', async () => {
    await using lab = labs().lab;

    const { status, body } = await lab.post(`${NS}/attachments`, { bytes: 5_000_000, sha256 });

    expect(status).toBe(200);
    const url = `https://store.example/default/${sha256}?signature=secret`;
    expect(body).toEqual({ method: 'PUT', url, headers: { 'x-digest': sha256 }, expiresAt: 900_000 });
  });

  test('is for a length and a digest, and for nothing else', async () => {
    await using lab = labs().lab;

    const wrong = await lab.post<Problem>(`${NS}/attachments`, {
      bytes: 0,
      sha256: sha256.toUpperCase(),
      key: 'other/x',
    });
    const large = await lab.post<Problem>(`${NS}/attachments`, { bytes: 25 * 1_024 * 1_024 + 1, sha256 });

    expect([wrong.status, fieldsOf(wrong.body).toSorted()]).toEqual([400, ['bytes', 'key', 'sha256']]);
    expect(large).toMatchObject({ status: 413, body: { code: 'PAYLOAD_TOO_LARGE' } });
  });

  test('is for who may publish there', async () => {
    const tokens = [
      { token: 'the-token-of-who-reads', id: 'reader', may: ['read'] },
      { token: 'the-token-of-another', id: 'other', namespaces: ['other'] },
    ] as const;
    await using lab = labs({ authenticate: bearerToken(tokens) }).lab;

    for (const { token } of tokens) {
      const headers = { authorization: `Bearer ${token}` };
      const { status } = await lab.post(`${NS}/attachments`, { bytes: 1, sha256 }, headers);
      expect(status, token).toBe(403);
    }
  });

  test('is refused with what to do instead, where the backend has none', async () => {
    await using lab = new HttpLab();

    const place = await lab.post<Problem>(`${NS}/attachments`, { bytes: 1, sha256 });
    const message = await lab.post<Problem>(MESSAGES, { attachment: { bytes: 1, sha256 } });

    for (const { status, body } of [place, message]) {
      expect([status, body.code]).toEqual([501, 'UNSUPPORTED_FEATURE']);
      expect(body.detail).toContain('payloads of up to 26214400 bytes go into the message itself');
    }
  });
});

describe('a message that names what was uploaded', () => {
  test('is stored with it, and handled as any other', async () => {
    const { lab, store } = labs({ guild: docGuild });
    await using _ = lab;
    await lab.start();
    const attachment = store.put('{"text": "hello"}');

    const { status, body } = await lab.post(MESSAGES, { attachment, format: 'doc.task', key: 'k' });
    await lab.clock.quiet();

    expect([status, body]).toEqual([202, { id: expect.any(String), duplicate: false }]);
    expect((await lab.ask<PageBody>(MESSAGES)).body.items).toMatchObject([{ payload: { text: 'hello' }, key: 'k' }]);
    expect(payloadsOf((await lab.ask<PageBody>(`${NS}/topics/doc.results/messages`)).body)).toEqual([
      { text: 'HELLO' },
    ]);
  });

  test('is checked against its format, and stored once under its idempotency key', async () => {
    const { lab, store } = labs({ guild: docGuild });
    await using _ = lab;
    const [wrong, right, other] = ['{"text":1}', '{"text":"a"}', '{"text":"b"}'].map((text) => store.put(text));
    const publish = (attachment: unknown) =>
      lab.post<Problem & { duplicate: boolean }>(
        MESSAGES,
        { attachment, format: 'doc.task' },
        { 'idempotency-key': 'k' },
      );

    const refused = await publish(wrong);
    const outcomes = [await publish(right), await publish(right), await publish(other)];

    expect([refused.status, fieldsOf(refused.body)]).toEqual([400, ['payload.text']]);
    expect(outcomes.map(({ status, body }) => [status, body.duplicate ?? body.code])).toEqual([
      [202, false],
      [202, true],
      [409, 'IDEMPOTENCY_CONFLICT'],
    ]);
    expect((await lab.ask<PageBody>(MESSAGES)).body.items).toHaveLength(1);
  });

  test.each<[string, (store: UploadLab) => object, readonly string[]]>([
    ['what was not uploaded', () => ({ attachment: { bytes: 1, sha256 } }), ['attachment']],
    ['what another namespace has', (store) => ({ attachment: store.put('"theirs"', 'theirs') }), ['attachment']],
    ['more than it may', (store) => ({ attachment: { ...store.put('1'), location: 's3:x' } }), ['attachment.location']],
    ['no digest', () => ({ attachment: { bytes: -1 } }), ['attachment.bytes', 'attachment.sha256']],
    ['no object', () => ({ attachment: 'x' }), ['attachment']],
    ['a payload besides', (store) => ({ attachment: store.put('1'), payload: 1 }), ['attachment']],
  ])('is refused if it names %s, and nothing is stored', async (_, body, fields) => {
    const { lab, store } = labs();
    await using __ = lab;

    const refused = await lab.post<Problem>(MESSAGES, body(store));

    expect([refused.status, refused.body.code, fieldsOf(refused.body)]).toEqual([400, 'INVALID_MESSAGE', fields]);
    expect((await lab.ask<PageBody>(MESSAGES)).body.items).toEqual([]);
  });

  test('is looked for in the namespace of the path', async () => {
    const { lab, store } = labs();
    await using _ = lab;
    const publish = (attachment: object) => lab.post('/v1/namespaces/theirs/topics/doc.tasks/messages', { attachment });

    const ours = await publish(store.put('"ours"'));
    const theirs = await publish(store.put('"theirs"', 'theirs'));

    expect([ours.status, theirs.status]).toEqual([400, 202]);
  });

  test('has its own outcome in a batch', async () => {
    const { lab, store } = labs();
    await using _ = lab;

    const { body } = await lab.post<{ outcomes: { ok: boolean }[] }>(MESSAGES, [
      { payload: 1 },
      { attachment: { bytes: 1, sha256 } },
      { attachment: store.put('3') },
    ]);

    expect(body.outcomes.map(({ ok }) => ok)).toEqual([true, false, true]);
    expect(payloadsOf((await lab.ask<PageBody>(MESSAGES)).body)).toEqual([1, 3]);
  });

  test('comes with no more than 25 MB of others in a batch, so that they fit into memory', async () => {
    const { lab, store } = labs();
    await using _ = lab;
    const small = { attachment: store.put('1') };
    const large = { attachment: { bytes: 25 * 1_024 * 1_024, sha256 } };

    const most = await lab.post(MESSAGES, [
      { attachment: { ...large.attachment, bytes: 25 * 1_024 * 1_024 - 1 } },
      small,
    ]);
    const more = await lab.post<Problem>(MESSAGES, [small, large]);
    const less = await lab.post<Problem>(MESSAGES, [small, large, { attachment: { bytes: -100, sha256 } }]);

    expect(most.status).toBe(202);
    expect(more).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT' } });
    expect(more.body.detail).toContain('names attachments of 26214401 bytes: allowed are 26214400 at once');
    expect(less.body.detail).toBe(more.body.detail);
    expect(payloadsOf((await lab.ask<PageBody>(MESSAGES)).body)).toEqual([1]);
  });
});
