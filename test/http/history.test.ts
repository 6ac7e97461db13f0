import { type GemstoneId, genericJson, openBus, timeOf } from 'guildwire';
import type { Problem } from 'guildwire/http';
import { describe, expect, test } from 'vitest';
import { docGuild, fieldsOf, HttpLab, NS, type PageBody, payloadsOf } from './lab.ts';

const MESSAGES = `${NS}/topics/doc.a/messages`;

describe('history', () => {
  test('reads a topic by id, in both directions', async () => {
    await using lab = new HttpLab();
    for (const n of [1, 2, 3]) await lab.publish('doc.a', n);
    await lab.publish('doc.b', 4);

    expect(payloadsOf((await lab.ask<PageBody>(MESSAGES)).body)).toEqual([1, 2, 3]);
    expect(payloadsOf((await lab.ask<PageBody>(`${MESSAGES}?order=desc`)).body)).toEqual([3, 2, 1]);
    expect(payloadsOf((await lab.ask<PageBody>(`${NS}/topics/doc.*/messages`)).body)).toEqual([1, 2, 3, 4]);
    expect(payloadsOf((await lab.ask<PageBody>(`${NS}/topics/**/messages`)).body)).toEqual([1, 2, 3, 4]);
  });

  test('filters by format, sender and priority', async () => {
    await using lab = new HttpLab();
    await openBus(lab.backend, { sender: 'user:ada', clock: lab.clock }).publish('doc.a', genericJson, 1);
    await lab.publish('doc.a', 2, { format: 'doc.x' });
    await lab.publish('doc.a', 3, { priority: 1 });
    const found = async (query: string) => payloadsOf((await lab.ask<PageBody>(`${MESSAGES}?${query}`)).body);

    expect(await found('format=doc.x')).toEqual([2]);
    expect(await found('sender=user:ada')).toEqual([1]);
    expect(await found('sender=user%3Alocal')).toEqual([2, 3]);
    expect(await found('priority=1')).toEqual([3]);
    expect(await found('priority=1&sender=user:ada')).toEqual([]);
  });

  test('begins and ends at an id or a time, both inclusive', async () => {
    await using lab = new HttpLab();
    const ids: string[] = [];
    for (const n of [1, 2, 3, 4]) {
      ids.push(await lab.publish('doc.a', n));
      await lab.clock.advance(1_000);
    }
    const found = async (query: string) => payloadsOf((await lab.ask<PageBody>(`${MESSAGES}?${query}`)).body);
    const at = (n: number) => new Date(timeOf(ids[n] as GemstoneId));

    expect(await found(`since=${ids[1]}`)).toEqual([2, 3, 4]);
    expect(await found(`until=${ids[1]}`)).toEqual([1, 2]);
    expect(await found(`since=${at(1).toISOString()}&until=${at(2).toISOString()}`)).toEqual([2, 3]);
    expect(await found(`since=${encodeURIComponent('2026-01-01T02:00:02+02:00')}`)).toEqual([3, 4]);
    expect(await found('since=2026-01-01t00:00:01.5z')).toEqual([3, 4]);
    expect(await found('since=1969-01-01T00:00:00Z&until=1969-12-31T00:00:00Z')).toEqual([]);
  });

  test('comes in pages; Link and next lead to the following one until there is none', async () => {
    await using lab = new HttpLab();
    for (let n = 1; n <= 5; n++) await lab.publish('doc.a', n);
    const seen: unknown[] = [];
    let path: string | undefined = `${MESSAGES}?limit=2&order=desc`;
    const links: string[] = [];
    while (path !== undefined) {
      const { headers, body }: { headers: Headers; body: PageBody } = await lab.ask<PageBody>(path);
      seen.push(payloadsOf(body));
      const link: string | null = headers.get('link');
      expect(link === null).toBe(body.next === undefined);
      path = /^<(.*)>; rel="next"$/.exec(link ?? '')?.[1];
      if (path !== undefined) links.push(path);
    }

    expect(seen).toEqual([[5, 4], [3, 2], [1]]);
    for (const link of links) expect(link.match(/cursor=/g)).toHaveLength(1);
  });

  test('a cursor belongs to its query', async () => {
    await using lab = new HttpLab();
    for (let n = 1; n <= 3; n++) await lab.publish('doc.a', n);
    const { next } = (await lab.ask<PageBody>(`${MESSAGES}?limit=1`)).body;

    const other = await lab.refused(`${MESSAGES}?limit=1&order=desc&cursor=${next}`);
    const none = await lab.refused(`${MESSAGES}?cursor=nonsense`);

    for (const body of [other, none]) {
      expect(body).toMatchObject({ status: 400, code: 'INVALID_ARGUMENT' });
      expect(fieldsOf(body)).toEqual(['cursor']);
    }
  });

  test('says everything that is wrong with a query at once', async () => {
    await using lab = new HttpLab();

    const body = await lab.refused(
      `${MESSAGES}?limit=0&order=up&since=yesterday&priority=x&format=a&foo=1&sender=a&sender=b`,
    );

    expect(fieldsOf(body).toSorted()).toEqual(['foo', 'format', 'limit', 'order', 'priority', 'sender', 'since']);
  });

  test.each(['2026-02-30T00:00:00Z', '2026-02-28', '1767225600000', '2026-02-28T00:00:00', ''])(
    'does not take %s for a time',
    async (since) => {
      await using lab = new HttpLab();

      expect(fieldsOf(await lab.refused(`${MESSAGES}?since=${since}`))).toEqual(['since']);
    },
  );

  test('of large messages comes in pages that can be sent', async () => {
    await using lab = new HttpLab();
    const large = 'x'.repeat(15 * 1024 * 1024);
    for (let n = 1; n <= 3; n++) await lab.publish('doc.a', { n, large });
    const sizes: number[] = [];
    for (let path = MESSAGES; ; ) {
      const { body } = await lab.ask<PageBody>(path);
      sizes.push(body.items.length);
      if (body.next === undefined) break;
      path = `${MESSAGES}?cursor=${body.next}`;
    }

    expect(sizes).toEqual([2, 1]);
  });

  test('of many middling messages as well', async () => {
    await using lab = new HttpLab();
    const middling = 'x'.repeat(200 * 1024);
    for (let n = 0; n < 200; n++) await lab.publish('doc.a', middling);

    const { body } = await lab.ask<PageBody>(`${MESSAGES}?limit=1000`);
    const rest = await lab.ask<PageBody>(`${MESSAGES}?limit=1000&cursor=${body.next}`);

    expect(body.items.length).toBeGreaterThan(100);
    expect(body.items.length + rest.body.items.length).toBe(200);
  });
});

describe('what belongs together', () => {
  test('is read as a thread and as a conversation, over all topics', async () => {
    await using lab = new HttpLab({ guild: docGuild });
    await lab.start();
    const options = { format: 'doc.task', conversationId: 'a b/ü' };
    const root = await lab.publish('doc.tasks', { text: 'x' }, options);
    await lab.publish('doc.tasks', { text: 'y' }, { format: 'doc.task' });
    await lab.clock.quiet();

    const thread = await lab.ask<PageBody>(`${NS}/threads/${root}`);
    const conversation = await lab.ask<PageBody>(`${NS}/conversations/${encodeURIComponent('a b/ü')}`);

    expect(payloadsOf(thread.body)).toEqual([{ text: 'x' }, { text: 'X' }]);
    expect(conversation.body).toEqual(thread.body);
    expect(thread.body.items.map(({ topic }) => topic)).toEqual(['doc.tasks', 'doc.results']);
  });

  test('is read by agent, if there is one of that name', async () => {
    await using lab = new HttpLab({ guild: docGuild });
    await lab.start();
    await lab.publish('doc.tasks', { text: 'x' }, { format: 'doc.task' });
    await lab.clock.quiet();

    const worker = await lab.ask<PageBody>(`${NS}/agents/worker/messages`);
    const nobody = await lab.refused(`${NS}/agents/nobody/messages`);

    expect(payloadsOf(worker.body)).toEqual([{ text: 'x' }]);
    expect(nobody).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });
});

describe('a single message', () => {
  test('is read by its reference, or is not found', async () => {
    await using lab = new HttpLab();
    const id = await lab.publish('doc.a', 'x');

    const found = await lab.ask(`${NS}/messages/doc.a/${id}`);
    const elsewhere = await lab.refused(`${NS}/messages/doc.b/${id}`);
    const malformed = await lab.refused(`${NS}/messages/doc.a/1`);

    expect(found.body).toMatchObject({ id, topic: 'doc.a', payload: 'x' });
    expect(elsewhere).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    expect(fieldsOf(malformed)).toEqual(['id']);
  });

  test('of another namespace is not found', async () => {
    await using lab = new HttpLab();
    const id = await lab.publish('doc.a', 'x');

    expect(await lab.refused(`/v1/namespaces/other/messages/doc.a/${id}`)).toMatchObject({ status: 404 });
  });
});

test('topics are listed in alphabetical order, with the last id on each', async () => {
  await using lab = new HttpLab();
  await lab.publish('b', 1);
  const last = await lab.publish('a', 2);

  const { body } = await lab.ask<{ items: { topic: string; lastId: string }[] }>(`${NS}/topics`);

  expect(body.items.map(({ topic }) => topic)).toEqual(['a', 'b']);
  expect(body.items[0]?.lastId).toBe(last);
  expect(fieldsOf((await lab.ask<Problem>(`${NS}/topics?limit=1`)).body)).toEqual(['limit']);
});

test('HEAD is answered like GET, without a body', async () => {
  await using lab = new HttpLab();

  const response = await lab.app.request(MESSAGES, { method: 'HEAD' });

  expect({ status: response.status, body: await response.text() }).toEqual({ status: 200, body: '' });
});
