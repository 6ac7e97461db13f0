import { BackendUnavailableError, type GemstoneId, genericJson, MemoryBackend, openBus, timeOf } from 'guildwire';
import { bearerToken } from 'guildwire/http';
import { VirtualClock } from 'guildwire/testing';
import { describe, expect, test } from 'vitest';
import { docGuild, EventReader, fieldsOf, HttpLab, NS } from './lab.ts';

const STREAM = `${NS}/stream`;

async function open(lab: HttpLab, query: string, headers: Readonly<Record<string, string>> = {}): Promise<EventReader> {
  const response = await lab.app.request(`${STREAM}?${query}`, { headers });
  if (response.status !== 200) throw new Error(await response.text());
  return new EventReader(response);
}

const payloads = (events: readonly { readonly message: { readonly payload: unknown } }[]) =>
  events.map(({ message }) => message.payload);

describe('a stream', () => {
  test('shows what comes from now on, each message with its reference', async () => {
    await using lab = new HttpLab();
    await lab.publish('doc.a', 0);
    const reader = await open(lab, 'topic=doc.a');

    const id = await lab.publish('doc.a', 1);
    await lab.publish('doc.b', 2);
    const [first] = await reader.messages(1);

    expect(first).toMatchObject({ id: `doc.a/${id}`, message: { topic: 'doc.a', id, payload: 1 } });
    await reader.cancel();
  });

  test('says first where it is, so that nothing is missed before the first message', async () => {
    await using lab = new HttpLab();
    const id = await lab.publish('doc.a', 0);

    const reader = await open(lab, 'topic=doc.a');
    const empty = await open(lab, 'topic=doc.none');

    expect(await reader.next()).toBe(`retry: 1000\nid: doc.a/${id}`);
    expect(await empty.next()).toBe('retry: 1000\nid: 00000000000000000000000000');
    await reader.cancel();
    await empty.cancel();
  });

  test.each([
    ['topic=doc.*', [1, 2, 3]],
    ['topic=**&format=doc.x', [2]],
    ['topic=doc.a&priority=1', [3]],
    ['topic=doc.a&sender=user:nobody', []],
    ['conversation=c%201', [2]],
  ])('follows %s', async (query, expected) => {
    await using lab = new HttpLab();
    const reader = await open(lab, `${query}&since=2020-01-01T00:00:00Z`);

    await lab.publish('doc.a', 1);
    await lab.publish('doc.b', 2, { format: 'doc.x', conversationId: 'c 1' });
    await lab.publish('doc.a', 3, { priority: 1 });
    await lab.publish('doc.a', 'end', { format: 'doc.x', conversationId: 'c 1', priority: 1 });
    const seen = expected.length === 0 ? [] : payloads(await reader.messages(expected.length));

    expect(seen).toEqual(expected);
    await reader.cancel();
  });

  test('follows a thread, and all that an agent follows', async () => {
    await using lab = new HttpLab({ guild: docGuild });
    await lab.start();
    const root = await lab.publish('doc.tasks', { text: 'x' }, { format: 'doc.task' });
    const thread = await open(lab, `thread=${root}&since=${root}`);
    const agent = await open(lab, `agent=reader&since=${root}`);
    await lab.clock.quiet();

    expect(payloads(await thread.messages(2))).toEqual([{ text: 'x' }, { text: 'X' }]);
    expect(payloads(await agent.messages(2))).toEqual([{ text: 'x' }, { text: 'X' }]);
    await thread.cancel();
    await agent.cancel();
  });

  test('begins at an id or a time', async () => {
    await using lab = new HttpLab();
    await lab.publish('doc.a', 1);
    await lab.clock.advance(1_000);
    const second = await lab.publish('doc.a', 2);
    await lab.publish('doc.a', 3);

    const byId = await open(lab, `topic=doc.a&since=${second}`);
    const byTime = await open(lab, `topic=doc.a&since=${new Date(timeOf(second as GemstoneId)).toISOString()}`);

    expect(payloads(await byId.messages(2))).toEqual([2, 3]);
    expect(payloads(await byTime.messages(2))).toEqual([2, 3]);
    await byId.cancel();
    await byTime.cancel();
  });

  test('beats while there is nothing to tell', async () => {
    await using lab = new HttpLab({ streams: { heartbeatMs: 1_000 } });
    const reader = await open(lab, 'topic=doc.a');
    await reader.next();

    const beats = [reader.next(), reader.next()];
    await lab.clock.advance(2_500);

    expect(await Promise.all(beats)).toEqual([':', ':']);
    await reader.cancel();
  });

  test('gives a long backlog, in order', async () => {
    await using lab = new HttpLab();
    const bus = openBus(lab.backend, { sender: 'user:test', clock: lab.clock });
    for (let n = 0; n < 1_234; n++) await bus.publish('doc.a', genericJson, n);

    const reader = await open(lab, 'topic=doc.a&since=2020-01-01T00:00:00Z');
    const seen = payloads(await reader.messages(1_234));

    expect(seen).toEqual(Array.from({ length: 1_234 }, (_, n) => n));
    await reader.cancel();
  });

  test('refuses what it cannot follow', async () => {
    await using lab = new HttpLab();
    const faults = async (query: string, headers = {}) =>
      fieldsOf(await lab.refused(`${STREAM}?${query}`, { headers }));

    expect(await faults('')).toEqual(['query']);
    expect(await faults('topic=a&thread=01HF7YAT000000000000000004')).toEqual(['query']);
    expect(await faults('topic=a..b')).toEqual(['topic']);
    expect(await faults('topic=a&limit=3')).toEqual(['limit']);
    expect(await faults('topic=a', { 'last-event-id': 'nonsense' })).toEqual(['Last-Event-ID']);
    expect(lab.app.openStreams).toBe(0);
  });

  test('needs a backend that can follow its log', async () => {
    await using lab = new HttpLab({
      wrap: (backend) =>
        new Proxy(backend, {
          get: (inner, name) => {
            const value: unknown =
              name === 'features' ? { ...inner.features, tailing: false } : Reflect.get(inner, name);
            return typeof value === 'function' ? value.bind(inner) : value;
          },
        }),
    });

    expect(await lab.refused(`${STREAM}?topic=a`)).toMatchObject({ status: 501, code: 'UNSUPPORTED_FEATURE' });
  });
});

describe('a stream that is resumed', () => {
  test('goes on behind the last event, with nothing skipped and nothing twice', async () => {
    await using lab = new HttpLab();
    const first = await open(lab, 'topic=doc.**');
    const seen: unknown[] = [];
    let last = (await first.next())?.split('id: ')[1] ?? '';
    await first.cancel();
    for (let n = 0; n < 20; n++) {
      await lab.publish('doc.a', n, { topics: ['doc.b', 'doc.c'] });
      const again = await open(lab, 'topic=doc.**', { 'last-event-id': last });
      // Not always a whole message: one id lies under three topics.
      for (const { id, message } of await again.messages(1 + (n % 3))) {
        last = id;
        seen.push(`${message.topic} ${message.payload}`);
      }
      await again.cancel();
    }
    const rest = await open(lab, 'topic=doc.**', { 'last-event-id': last });
    for (const { message } of await rest.messages(60 - seen.length)) seen.push(`${message.topic} ${message.payload}`);
    await rest.cancel();

    const all = Array.from({ length: 20 }, (_, n) => ['doc.a', 'doc.b', 'doc.c'].map((topic) => `${topic} ${n}`));
    expect(seen).toEqual(all.flat());
  });

  test('takes the last event for more than `since`', async () => {
    await using lab = new HttpLab();
    const ids = [await lab.publish('doc.a', 1), await lab.publish('doc.a', 2), await lab.publish('doc.a', 3)];

    const reader = await open(lab, `topic=doc.a&since=${ids[0]}`, { 'last-event-id': `doc.a/${ids[1]}` });

    expect(payloads(await reader.messages(1))).toEqual([3]);
    await reader.cancel();
  });

  test('goes on though the last message is gone: rather again than never', async () => {
    await using lab = new HttpLab();
    const id = await lab.publish('doc.a', 1, { ttlMs: 1_000 });
    await lab.clock.advance(2_000);
    await lab.publish('doc.a', 2);

    const reader = await open(lab, 'topic=doc.a', { 'last-event-id': `doc.a/${id}` });

    expect(payloads(await reader.messages(1))).toEqual([2]);
    await reader.cancel();
  });

  test('gives again what lies within the horizon of a store that lets late writers in', async () => {
    await using lab = new HttpLab({
      wrap: (backend) =>
        new Proxy(backend, {
          get: (inner, name) => {
            const value: unknown =
              name === 'features' ? { ...inner.features, tailHorizonMs: 5_000 } : Reflect.get(inner, name);
            return typeof value === 'function' ? value.bind(inner) : value;
          },
        }),
    });
    await lab.publish('doc.a', 1);
    await lab.clock.advance(10_000);
    const second = await lab.publish('doc.a', 2);
    await lab.clock.advance(1_000);
    const third = await lab.publish('doc.a', 3);
    const reader = await open(lab, 'topic=doc.a', { 'last-event-id': `doc.a/${third}` });
    await lab.publish('doc.a', 4);

    const seen = await reader.messages(2);

    expect(payloads(seen)).toEqual([2, 4]);
    expect(seen[0]?.id).toBe(`doc.a/${second}`);
    await reader.cancel();
  });
});

describe('streams', () => {
  test('end when the app closes, which waits for them and opens no more', async () => {
    await using lab = new HttpLab();
    const reader = await open(lab, 'topic=doc.a');
    await reader.next();

    const closed = lab.app.close();

    expect(await reader.next()).toBeUndefined();
    await closed;
    expect(lab.app.openStreams).toBe(0);
    expect(await lab.refused(`${STREAM}?topic=a`)).toMatchObject({ status: 503, code: 'CLOSING', retryable: true });
    expect((await lab.ask(`${NS}/topics`)).status).toBe(200);
  });

  test('are counted, and let go when the client leaves', async () => {
    await using lab = new HttpLab({ streams: { max: 3, maxPerPrincipal: 2 } });
    const readers = [await open(lab, 'topic=a'), await open(lab, 'topic=b')];

    expect(await lab.refused(`${STREAM}?topic=c`)).toMatchObject({ status: 503, code: 'TOO_MANY_STREAMS' });
    expect(lab.app.openStreams).toBe(2);
    await readers[0]?.cancel();
    expect(lab.app.openStreams).toBe(1);
    await (await open(lab, 'topic=c')).cancel();
    await readers[1]?.cancel();
  });

  test('have a limit over all principals as well', async () => {
    const tokens = ['a', 'b', 'c'].map((id) => ({ id, token: id.repeat(16) }));
    await using lab = new HttpLab({ authenticate: bearerToken(tokens), streams: { max: 2, maxPerPrincipal: 1 } });
    const statusOf = async (id: string) => {
      const headers = { authorization: `Bearer ${id.repeat(16)}` };
      return (await lab.app.request(`${STREAM}?topic=x`, { headers })).status;
    };

    expect([await statusOf('a'), await statusOf('a'), await statusOf('b'), await statusOf('c')]).toEqual([
      200, 503, 200, 503,
    ]);
  });

  test('say why they end when the backend goes away', async () => {
    const clock = new VirtualClock();
    const memory = new MemoryBackend({ clock });
    let isDown = false;
    await using lab = new HttpLab({
      wrap: () =>
        Object.assign(Object.create(memory), {
          read: (query: Parameters<MemoryBackend['read']>[0]) =>
            isDown ? Promise.reject(new BackendUnavailableError('gone')) : memory.read({ ...query, waitMs: 0 }),
        }),
    });
    const reader = await open(lab, 'topic=a');
    await reader.next();
    isDown = true;
    const ending = reader.next();
    await lab.clock.advance(5_000);
    const block = await ending;

    expect(block).toMatch(/^event: problem\ndata: \{.*"code":"BACKEND_UNAVAILABLE".*\}$/);
    expect(await reader.next()).toBeUndefined();
    expect(lab.app.openStreams).toBe(0);
  });

  test('do not ask a store in a circle that answers early', async () => {
    let asked = 0;
    await using lab = new HttpLab({
      wrap: () =>
        Object.assign(new MemoryBackend(), {
          read: async () => {
            asked++;
            return { items: [], next: undefined };
          },
        }),
    });
    const reader = await open(lab, 'topic=a');
    await reader.next();
    const beat = reader.next();
    await lab.clock.advance(16_000);

    expect(await beat).toBe(':');
    expect(asked).toBeLessThan(30);
    await reader.cancel();
  });

  test('of a client that takes nothing are dropped', async () => {
    await using lab = new HttpLab({ streams: { stallMs: 2_000 } });
    const stalled = await lab.app.request(`${STREAM}?topic=doc.a`);
    for (let n = 0; n < 100; n++) await lab.publish('doc.a', 'x'.repeat(1_000));
    await lab.clock.advance(1_999);
    expect(lab.app.openStreams).toBe(1);

    await lab.clock.advance(1);

    expect(lab.app.openStreams).toBe(0);
    expect(lab.log.texts).toEqual(['warn: a stream was dropped: its client took nothing for 2000 ms']);
    await expect(stalled.text()).rejects.toThrow(/takes nothing/);
  });

  test('of a client that takes something in time are not', async () => {
    await using lab = new HttpLab({ streams: { stallMs: 2_000 } });
    const slow = await open(lab, 'topic=doc.a');
    for (let n = 0; n < 400; n++) await lab.publish('doc.a', 'x'.repeat(1_000));
    for (let n = 0; n < 4; n++) {
      await lab.clock.advance(1_500);
      await slow.messages(100);
    }

    expect(lab.app.openStreams).toBe(1);
    await slow.cancel();
  });
});
