import { type Agent, defineAgent, genericJson, type Json } from 'guildwire';
import { expect, test } from 'vitest';
import { Lab } from './lab.ts';

/** An agent that keeps what it is given. */
function keeper(): { readonly agent: Agent; readonly handled: Json[] } {
  const handled: Json[] = [];
  const agent = defineAgent({
    name: 'keeper',
    entry: import.meta.url,
    subscribes: ['a'],
    handlers: (on) => [on.any((payload) => void handled.push(payload))],
  });
  return { agent, handled };
}

test.each([
  [999, ['brief'], {}],
  [1_000, [], { expired: 1 }],
])('a message that expires in a second and waits %i ms for its agent', async (waitedMs, expected, dropped) => {
  await using lab = new Lab();
  const { agent, handled } = keeper();
  const first = await lab.start([agent]);
  await first.drain();
  await first.publish('a', genericJson, 'brief', { ttlMs: 1_000 });
  await lab.clock.advance(waitedMs);

  const next = await lab.start([agent]);
  await lab.clock.quiet();

  expect(handled).toEqual(expected);
  expect(await next.stats()).toMatchObject([{ waiting: 0, dead: 0, dropped }]);
});
