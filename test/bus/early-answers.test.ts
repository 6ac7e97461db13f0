import { defineAgent, defineGuild, genericJson, MemoryBackend, openBus } from 'guildwire';
import { testGuild, VirtualClock } from 'guildwire/testing';
import { expect, test } from 'vitest';

/** A memory backend that never waits, as one that cannot watch its store. */
class Hasty extends MemoryBackend {
  readonly calls = { progress: 0, read: 0 };

  override progress(...[namespace, root, { timers }]: Parameters<MemoryBackend['progress']>) {
    this.calls.progress++;
    return super.progress(namespace, root, { timers, waitMs: 0 });
  }

  override read(query: Parameters<MemoryBackend['read']>[0]) {
    this.calls.read++;
    return super.read({ ...query, waitMs: 0 });
  }
}

async function lab() {
  const clock = new VirtualClock();
  const backend = new Hasty({ clock });
  const bus = openBus(backend, { sender: 'user:test', clock });
  const subscription = { patterns: ['a'], onlyWhenTagged: false, ordering: 'none', from: 'now' } as const;
  await backend.subscribe({ namespace: bus.namespace, agent: 'one', guarantee: 'at-least-once', ...subscription });
  return { clock, backend, bus };
}

test('a wait for the end of a root asks a backend that answers at once with pauses', async () => {
  const { clock, backend, bus } = await lab();
  const id = await bus.publish('a', genericJson, 1);
  const stop = new AbortController();

  const settled = bus.settled(id, { signal: stop.signal });
  await clock.advance(10_000);
  stop.abort(new Error('enough'));

  await expect(settled).rejects.toThrow('enough');
  expect(backend.calls.progress).toBeGreaterThan(5);
  expect(backend.calls.progress).toBeLessThan(25);
});

test('so does a tail', async () => {
  const { clock, backend, bus } = await lab();
  const stop = new AbortController();
  const got: unknown[] = [];
  const following = (async () => {
    for await (const { payload } of bus.tail({ topic: 'a' }, { signal: stop.signal })) got.push(payload);
  })();

  await clock.advance(5_000);
  await bus.publish('a', genericJson, 'late');
  await clock.advance(5_000);
  stop.abort();
  await clock.advance(2_000);
  await following;

  expect(got).toEqual(['late']);
  expect(backend.calls.read).toBeLessThan(30);
});

test('so does a request, and it finds the answer all the same', async () => {
  const answerer = defineAgent({
    ...{ name: 'answerer', entry: import.meta.url, subscribes: ['questions'] },
    handlers: (on) => [
      on.any(async (wait, context) => {
        await context.sleep(Number(wait));
        context.reply(genericJson, 'late');
      }),
    ],
  });
  let backend: Hasty | undefined;
  const opened = ({ clock }: { readonly clock: VirtualClock }) => {
    backend = new Hasty({ clock });
    return backend;
  };
  const guild = defineGuild({ name: 'slow', agents: [answerer] });
  await using stage = await testGuild(guild, { backend: opened });
  const options = { reply: genericJson, timeoutMs: 10_000 };

  expect(await stage.request('questions', genericJson, 5_000, options)).toBe('late');
  await expect(stage.request('questions', genericJson, 60_000, options)).rejects.toMatchObject({
    code: 'REQUEST_TIMEOUT',
  });
  expect(backend?.calls.read).toBeLessThan(50);
});
