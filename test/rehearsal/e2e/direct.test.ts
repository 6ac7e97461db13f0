import { defineGuild } from 'guildwire';
import { expect, test } from 'vitest';
import { signedFetch } from '../../../lib/cli/rehearse/signed-fetch.ts';
import { createClient } from '../../../lib/http/client/create-client.ts';
import { rehearse } from '../../../lib/rehearsal/rehearse.ts';
import echo from './fixtures/echo.ts';
import follower from './fixtures/follower.ts';
import { Note, Seen } from './fixtures/note.ts';
import { synthesized, timers } from './stack.ts';

const numbers = Array.from({ length: 20 }, (_, n) => n);
const guild = defineGuild({
  name: 'direct',
  agents: [follower, echo].map((agent) => ({ ...agent, guarantee: 'exactly-once' as const })),
  topics: { notes: { formats: [Note], relay: 'direct' }, seen: { formats: [Seen], relay: 'direct' } },
});

/** Of a call of `PublishBatch`: topic and number of each message, as `notes 1`. */
function publishedBy(body: Buffer): readonly string[] {
  const fields = [...new URLSearchParams(body.toString())];
  const messages = fields.flatMap(([name, value]) => (/\.Message$/.test(name) ? [JSON.parse(value)] : []));
  return messages.flatMap(({ topic, message }) => (topic.startsWith('$') ? [] : [`${topic} ${message.payload.n}`]));
}

test('of a direct family the API hands on what it stores and the relay what agents say, and each is handled once', async () => {
  using assembly = synthesized({ guild });
  const published = new Map<string, Set<string>>([
    ['Ingest', new Set()],
    ['Relay', new Set()],
  ]);
  await using rehearsal = await rehearse({
    assembly: assembly.folder,
    proxy({ operation, functionName = '', body }) {
      if (operation !== 'PublishBatch') return undefined;
      const [by = functionName] = [...published.keys()].filter((name) => functionName.includes(name));
      published.set(by, new Set([...(published.get(by) ?? []), ...publishedBy(body)]));
      return undefined;
    },
  });
  const client = createClient({ url: rehearsal.apiUrl, fetch: signedFetch(rehearsal) });

  for (let open = numbers; open.length > 0; ) {
    const outcomes = await client.publishMany(
      open.map((n) => ({ topics: 'notes', format: Note, payload: { n }, options: { idempotencyKey: `n${n}` } })),
    );
    // On a machine that is slow enough a call takes too long.
    for (const outcome of outcomes) if (!outcome.ok) expect(outcome.error.retryable).toBe(true);
    open = open.filter((_, index) => outcomes[index]?.ok !== true);
  }
  await rehearsal.idle({ ignoring: timers, timeoutMs: 120_000 });

  const said = async (topic: string) =>
    (await client.read({ topic, limit: 100 })).items.map(({ payload }) => Seen.decode(payload).n);
  for (const topic of ['seen', 'echoed'])
    expect((await said(topic)).toSorted((one, other) => one - other)).toEqual(numbers);
  expect(Object.fromEntries(published)).toEqual({
    Ingest: new Set(numbers.map((n) => `notes ${n}`)),
    Relay: new Set(numbers.map((n) => `seen ${n}`)),
  });
}, 180_000);
