import { defineAgent, genericJson } from 'guildwire';
import { expect, test } from 'vitest';
import { atOnce, deadLettersOf, Lab } from './lab.ts';

/** Asks what nobody answers, for an hour or until the signal aborts, and tells how that ended. */
function asker(signal: AbortSignal) {
  const ended: unknown[] = [];
  const agent = defineAgent({
    ...{ name: 'asker', entry: import.meta.url, subscribes: ['a'], publishes: ['questions'] },
    ...{ timeoutMs: 1_000, retry: atOnce(1) },
    handlers: (on) => [
      on.any(async (_, context) => {
        const startedAt = context.now();
        const options = { reply: genericJson, timeoutMs: 3_600_000, signal };
        await context.request('questions', genericJson, 1, options).catch((error: Error) => {
          ended.push(error.message, context.now() - startedAt);
          throw error;
        });
      }),
    ],
  });
  return { agent, ended };
}

test('a request with a signal of its own is given up with its attempt all the same', async () => {
  await using lab = new Lab();
  const { agent, ended } = asker(new AbortController().signal);
  const running = await lab.start([agent]);

  await running.publish('a', genericJson, 1);
  await lab.clock.advance(1_000);

  expect(ended).toEqual([expect.stringContaining('did not finish within 1000 ms'), 1_000]);
  expect(await deadLettersOf(running, 'asker')).toMatchObject([{ errors: [{ code: 'HANDLER_TIMEOUT' }] }]);
});

test('a request is given up when its own signal aborts', async () => {
  await using lab = new Lab();
  const enough = new AbortController();
  const { agent, ended } = asker(enough.signal);
  const running = await lab.start([agent]);

  await running.publish('a', genericJson, 1);
  await lab.clock.advance(500);
  enough.abort(new Error('enough'));
  await lab.clock.quiet();

  expect(ended).toEqual(['enough', 500]);
});
