import { expect, test } from 'vitest';
import { Cli, guildwire, guildwireEach, Project } from './cli.ts';

const order = (coupon?: string) =>
  JSON.stringify({ lines: [{ product: 'tea', count: 2, cents: 450 }], ...(coupon !== undefined && { coupon }) });
const linesOf = (text: string) => text.split('\n').filter((line) => line !== '');

test.concurrent('a run prints all that its message sets off, and how it came out', async () => {
  using project = Project.of('quickstart');
  project.write('order.json', order('HALF'));
  const run = (...args: readonly string[]) =>
    guildwire(['run', 'guild.ts', '--topic', 'orders', ...args], { cwd: project.folder });

  const [text, json, piped, failed] = await Promise.all([
    run('order.json'),
    run('--payload', order('HALF'), '--json'),
    guildwire(['run', 'guild.ts', '--topic', 'orders', '-'], { cwd: project.folder, input: order('none') }),
    run('--payload', order()),
  ]);

  expect(linesOf(text.out).map((line) => line.replace(/^[\d:.]+ {2}/, ''))).toEqual([
    `intake → orders.accepted  shop.accepted ${order('HALF')}`,
    'pricer → prices  shop.price {"cents":450}',
    'clerk → receipts  shop.receipt {"text":"That is 4.50 €, thank you."}',
  ]);
  expect(text).toMatchObject({ code: 0, err: '3 handled\n' });
  expect(linesOf(json.out).map((line) => JSON.parse(line).sender.id)).toEqual(['intake', 'pricer', 'clerk']);
  expect(json).toMatchObject({ code: 0, err: '' });
  expect(piped.out).toContain('That is 9.00 €');
  expect(failed.code).toBe(1);
  expect(failed.out).toContain('platform:dead-letters → $dead.pricer ✗');
  expect(failed.err).toMatch(/attempt 3 of 3 failed, now a dead letter: TypeError: .*\n1 handled, 1 failed\n$/s);
});

test.concurrent('a run that cannot be says why, and ends with 2', async () => {
  using project = Project.of('quickstart');
  const cwd = project.folder;

  const ended = await guildwireEach(
    [
      ['run', 'none.ts', '--topic', 'orders', '--payload', '3'],
      ['run', 'guild.ts', '--topic', 'ordrs', '--payload', '3'],
      ['run', 'guild.ts', '--topic', 'orders', '--payload', '3'],
      ['run', 'guild.ts', '--topic', 'orders', '--payload', '3', '--format', 'shop.ordr'],
      ['run', 'guild.ts', 'none.json', '--topic', 'orders'],
      ['run', 'guild.ts', 'guild.ts', '--topic', 'orders', '--payload', '3'],
      ['run', 'guild.ts'],
      ['run', 'guild.ts', '--topic', 'orders', '--payload', order('HALF'), '--processes'],
    ],
    { cwd },
  );

  expect(ended.map(({ err }) => err.trim())).toEqual([
    'error: no file none.ts: name the file whose default export is your guild',
    'error: guild "shop" has no topic "ordrs": did you mean orders?',
    expect.stringContaining('payload: Invalid input: expected object, received number'),
    'error: "orders" does not take shop.ordr: did you mean shop.order?',
    'error: no file none.json',
    'error: a file and --payload exclude each other',
    'error: say where to publish with --topic: guild.ts exports no function `run` that would do without',
    expect.stringContaining('--processes needs a backend that processes share, and memory is this process only'),
  ]);
  expect(ended.map(({ code }) => code)).toEqual(ended.map(() => 2));
});

test.concurrent('a run that is interrupted ends with 130, when its handler is done', async () => {
  using project = new Project({
    'guild.ts': `
      import { defineAgent, defineGuild } from 'guildwire';
      const slow = defineAgent({
        name: 'slow', entry: import.meta.url, subscribes: ['tasks'], publishes: [],
        handlers: (on) => [on.any(async (payload, { log }) => {
          log.info('began');
          await new Promise((resolve) => process.once('SIGINT', resolve));
          log.info('ended');
        })],
      });
      export default defineGuild({ name: 'slow', agents: [slow] });`,
  });
  await using cli = new Cli(['run', 'guild.ts', '--topic', 'tasks', '--payload', '{}'], { cwd: project.folder });

  await cli.line(/began/, 'err');
  const { code, err } = await cli.interrupt();

  expect(code).toBe(130);
  expect(err).toMatch(/ ended\n$/);
});
