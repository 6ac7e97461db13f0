/**
 * A process of its own that handles what an agent gets: it doubles each number, once and for all, and tells of each on a line.
 *
 * Its arguments are the URL, the namespace, and by how many ms its clock is wrong.
 */
import { defineAgent, defineGuild, genericJson, startGuild, systemClock } from 'guildwire';

const [url = '', namespace = '', skew = '0'] = process.argv.slice(2);
const clock = { ...systemClock, now: () => systemClock.now() + Number(skew) };

const doubler = defineAgent({
  name: 'doubler',
  subscribes: ['in'],
  publishes: ['out'],
  guarantee: 'exactly-once',
  // So that what a killed process held goes to another soon.
  timeoutMs: 2_000,
  entry: import.meta.url,
  handlers: (on) => [
    on(genericJson, (payload, context) => {
      context.publish('out', genericJson, Number(payload) * 2);
      console.log(`${payload}`);
    }),
  ],
});
const guild = defineGuild({ name: 'doubling', agents: [doubler], allowUndeclared: true });
const running = await startGuild(guild, { backend: url, namespace, clock });
console.log('ready');
process.once('SIGTERM', () => running.drain().then(() => process.exit()));
