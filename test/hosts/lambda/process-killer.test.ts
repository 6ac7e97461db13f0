import { setImmediate } from 'node:timers/promises';
import { defineAgent } from 'guildwire';
import { expect, test } from 'vitest';
import { AgentLab, again, eventOf, say } from './agent-lab.ts';

/** A function's process, and how many start marks it has written. Nothing in it goes on once it is dead. */
const born = () => ({ isDead: false, marks: 0, ended: 0, death: Promise.withResolvers<'dead'>() });

test('a handler that ends its process again and again takes none along of those that run beside it', async () => {
  await using lab = await AgentLab.start();
  let process = born();
  const handled: unknown[] = [];
  const agent = defineAgent({
    name: 'mixed',
    entry: import.meta.url,
    subscribes: ['doc.*'],
    concurrency: 10,
    guarantee: 'exactly-once',
    retry: { attempts: 3, baseMs: 0, maxMs: 0 },
    handlers: (on) => [
      on.any(async (payload) => {
        const own = process;
        if (payload === 'killer') {
          own.isDead = true;
          own.death.resolve('dead');
        }
        // Longer than all that were marked beside it need to start.
        for (let turn = 0; !own.isDead && (turn < 100 || own.marks > own.ended + 1); turn++) await setImmediate();
        if (own.isDead) await new Promise(() => {});
        own.ended++;
        handled.push(payload);
      }),
    ],
  });
  let { Records } = eventOf(...['a', 'b', 'killer', 'c', 'd'].map((payload) => say(payload)));

  let host = await lab.host(agent);
  for (let receiveCount = 1; Records.length > 0 && receiveCount < 20; receiveCount++) {
    process = born();
    host = await lab.host(agent);
    const { backend } = host;
    const [own, start] = [process, backend.start.bind(backend)];
    backend.start = (leases) => {
      own.marks += leases.length;
      return start(leases);
    };
    const ended = await Promise.race([host.started(again({ Records }, receiveCount)), process.death.promise]);
    if (ended !== 'dead') Records = Records.filter(({ messageId }) => ended.includes(messageId));
  }

  expect(Records).toEqual([]);
  expect(handled.toSorted()).toEqual(['a', 'b', 'c', 'd']);
  const letters = await host.letters();
  expect(letters.map(({ original, reason }) => [original?.payload, reason])).toEqual([['killer', 'crashed']]);
});
