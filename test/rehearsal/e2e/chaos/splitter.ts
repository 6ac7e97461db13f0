import { setTimeout as sleep } from 'node:timers/promises';
import { defineAgent } from 'guildwire';
import { Part, Task } from './formats.ts';

/** Hands each task on, and fails on those that are bad, whatever is tried. */
export default defineAgent({
  name: 'splitter',
  entry: import.meta.url,
  guarantee: 'exactly-once',
  subscribes: ['tasks'],
  publishes: ['parts'],
  // Killed attempts count: one that is hit often must not become a dead letter for it.
  retry: { attempts: 20, baseMs: 0, maxMs: 500 },
  handlers: (on) => [
    on(Task, async ({ n, isBad }, context) => {
      // So that something runs whenever a process is killed; alike in every run.
      await sleep((n * 7) % 30);
      if (isBad) throw new RangeError(`task ${n} is bad`);
      context.publish('parts', Part, { n }, { key: `k${n % 40}` });
    }),
  ],
});
