import { expect, test } from 'vitest';
import { guildwireEach, Project } from './cli.ts';

/** With an order that the pricer gave up; anew for each command. It answers later, as a store that is asked over a network. */
const STORE = `import { setImmediate } from 'node:timers/promises';
  import { openBackend, startGuild } from 'guildwire';
  import { Order } from './formats.ts';
  import guild from './guild.ts';
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  export default async () => {
    const backend = await openBackend('memory:');
    const running = await startGuild(guild, { backend: () => backend, log });
    const id = await running.publish('orders', Order, { lines: [{ product: 'tea', count: 2, cents: 450 }] });
    await running.settled(id);
    await running.drain();
    return new Proxy(backend, {
      get(target, name) {
        const value = Reflect.get(target, name, target);
        if (!['append', 'plan', 'runPlan'].includes(name)) return typeof value === 'function' ? value.bind(target) : value;
        return (...args) => setImmediate().then(() => value.apply(target, args));
      },
    });
  };`;

test('commands that take many calls keep a backend open until they have ended', async () => {
  using project = Project.of('quickstart');
  project.write('store.ts', STORE);
  project.write('guildwire.config.yaml', 'guild: guild.ts\nbackend: ./store.ts\n');
  project.write('orders.jsonl', '{"lines":[{"product":"tea","count":2,"cents":450}]}\n');

  const ended = await guildwireEach(
    [
      ['dlq', 'redrive', 'pricer', '--all'],
      ['dlq', 'discard', 'pricer', '--all'],
      ['replay', 'intake', '--since', '1h'],
      ['publish', 'orders', '--lines', '--file', 'orders.jsonl'],
    ],
    { cwd: project.folder },
  );

  expect(ended.map(({ code, out, err }) => [code, out.replace(/\/\w{26}/, '/ID'), err])).toEqual([
    [0, '1 dead letter of pricer redriven\n', ''],
    [0, '1 dead letter of pricer discarded\n', ''],
    [0, '1 message handed to intake again\n', ''],
    [0, 'orders/ID\n', '1 of 1 messages published\n'],
  ]);
});
