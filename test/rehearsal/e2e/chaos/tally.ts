import { setTimeout as sleep } from 'node:timers/promises';
import { defineAgent } from 'guildwire';
import { Count, Part, Tally } from './formats.ts';

/** Counts the parts of each key, in what it remembers. */
export default defineAgent({
  name: 'tally',
  entry: import.meta.url,
  subscribes: ['parts'],
  publishes: ['tallied'],
  state: Count,
  ordering: 'key',
  retry: { attempts: 20, baseMs: 0, maxMs: 500 },
  handlers: (on) => [
    on(Part, async ({ n }, context) => {
      await sleep((n * 3) % 10);
      const key = `k${n % 40}`;
      const { count } = (await context.state.get(key)) ?? { count: 0 };
      context.state.set(key, { count: count + 1 });
      context.publish('tallied', Tally, { n, key, count: count + 1 });
    }),
  ],
});
