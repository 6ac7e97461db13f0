import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DevServer, guildwire, guildwireEach, Project, startDev } from './cli.ts';

const bad = JSON.stringify({ lines: [{ product: 'tea', count: 2, cents: 450 }] });
const linesOf = (text: string) => text.split('\n').filter((line) => line !== '');

let project: Project;
let dev: DevServer;
beforeAll(async () => {
  project = Project.of('quickstart');
  project.write('guildwire.config.yaml', 'agents: { pricer: { retry: { baseMs: 1 } } }\n');
  dev = await startDev(['guild.ts'], { cwd: project.folder });
});
afterAll(async () => {
  await dev[Symbol.asyncDispose]();
  project[Symbol.dispose]();
});

/** Publishes what the pricer cannot handle, and waits until it has given up. */
async function fail(count: number): Promise<void> {
  const input = `${bad}\n`.repeat(count);
  await guildwire(['publish', 'orders', '--lines'], { env: { GUILDWIRE_URL: dev.url }, input });
  for (let index = 0; index < count; index++) await dev.cli.line(/now a dead letter/, 'err');
}

test('dead letters are listed with their reason, shown with their errors, redriven and discarded', async () => {
  await fail(2);

  const [list, json, none] = await dev.askEach(
    ['dlq', 'ls'],
    ['dlq', 'ls', 'pricer', '--json'],
    ['dlq', 'ls', 'clerk'],
  );
  expect(
    linesOf(list?.out ?? '').map((line) => line.replace(/^\w{26}/, 'ID').replace(/[\d.]+ m?s ago/, '… ago')),
  ).toEqual(
    Array.from(
      { length: 2 },
      () =>
        "ID  pricer  orders.accepted  failed  3 attempts  … ago  TypeError: Cannot read properties of undefined (reading 'toUpperCase')",
    ),
  );
  expect(none).toEqual({ code: 0, out: '', err: 'clerk has no dead letter\n' });
  const [first, second] = linesOf(json?.out ?? '').map((line) => JSON.parse(line).id);

  const shown = await dev.ask('dlq', 'show', 'pricer', first);
  expect(shown.out).toMatch(/^pricer could not handle orders\.accepted\/\w{26}: failed\n3 attempts, /);
  expect(shown.out).toContain('payload (shop.accepted): {\n  "lines"');
  expect(shown.out).toMatch(/attempts 1 to 3: TypeError: Cannot read .*\n {4}at agents\/pricer\.ts:14:\d+\n$/);
  expect(shown.err).toBe(`\nredrive it with: guildwire dlq redrive pricer ${first}\n`);

  expect(await dev.ask('dlq', 'redrive', 'pricer', first)).toEqual({
    code: 0,
    out: '1 dead letter of pricer redriven\n',
    err: '',
  });
  await dev.cli.line(/now a dead letter/, 'err');
  const [closed, wrong, discarded] = await dev.askEach(
    ['dlq', 'show', 'pricer', first],
    ['dlq', 'discard', 'pricer', '--error', 'RangeError'],
    ['dlq', 'discard', 'pricer', second, '--json'],
  );
  expect(closed?.err).toBe('\nit is no longer open: it was redriven or discarded\n');
  expect(wrong?.code).toBe(3);
  expect(wrong?.err).toMatch(/^error: nothing to discard for "pricer"/);
  expect(JSON.parse(discarded?.out ?? '')).toMatchObject({ action: 'discard', total: 1, done: 1, finished: true });
  const rest = await dev.ask('dlq', 'discard', 'pricer', '--all', '--rate', '100');
  expect(rest.out).toBe('1 dead letter of pricer discarded\n');
});

test('a replay hands to one agent what it had before', async () => {
  await dev.ask('publish', 'orders', bad.replace('}]}', '}],"coupon":"half"}'), '--conversation', 'r');
  await dev.cli.line(/receipts/);

  const replayed = await dev.ask('replay', 'clerk', '--conversation', 'r', '--since', '1h');
  await dev.cli.line(/receipts/);
  const [again, nothing, both] = await dev.askEach(
    ['history', 'receipts', '--json'],
    ['replay', 'clerk', '--topic', 'orders'],
    ['replay', 'clerk', '--topic', 'a', '--thread', 'b'],
  );

  expect(replayed).toEqual({ code: 0, out: '1 message handed to clerk again\n', err: '' });
  expect(linesOf(again?.out ?? '')).toHaveLength(2);
  expect([nothing?.code, both?.code]).toEqual([3, 2]);
});

test('what waits for a paused agent waits until it is resumed', async () => {
  expect((await dev.ask('pause', 'clerk')).out).toBe('clerk is paused\n');
  await dev.ask('publish', 'prices', '{"cents":1}');
  expect((await dev.ask('agents')).out).toContain('clerk  (1 waiting, paused)');

  expect(JSON.parse((await dev.ask('resume', 'clerk', '--json')).out)).toEqual({ agent: 'clerk', paused: false });
  await dev.cli.line(/0\.01 €/);
});

test('a misspelt agent ends with 3 and says which may have been meant', async () => {
  const ended = await dev.askEach(
    ['pause', 'clrek'],
    ['dlq', 'ls', 'pricr'],
    ['replay', 'somebody'],
    ['dlq', 'redrive', 'pricer', 'XYZ'],
    ['dlq', 'show', 'pricer', `${'0'.repeat(25)}1`],
  );

  expect(ended.map(({ code }) => code)).toEqual([3, 3, 3, 2, 3]);
  expect(ended.map(({ err }) => err)).toEqual([
    'error: no agent is called "clrek": did you mean clerk?\n',
    'error: no agent is called "pricr": did you mean pricer?\n',
    'error: no agent is called "somebody": there are clerk, intake, pricer\n',
    expect.stringContaining('got "XYZ": allowed is an id'),
    expect.stringMatching(/pricer has no dead letter 0{25}1: `guildwire dlq ls pricer`/),
  ]);
});

test('what is not on this machine is changed with --yes only where nobody can be asked', async () => {
  project.write(
    'elsewhere.ts',
    `import { openBackend, startGuild } from 'guildwire';
    import guild from './guild.ts';
    export default async () => {
      const backend = await openBackend('memory:');
      await (await startGuild(guild, { backend: () => backend })).drain();
      return new Proxy(backend, {
        get(target, name) {
          const value = name === 'name' ? 'elsewhere' : Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    };`,
  );
  const askEach = (commands: readonly (readonly string[])[]) =>
    guildwireEach(
      commands.map((args) => [...args, '--backend', './elsewhere.ts']),
      { cwd: project.folder },
    );

  const [refused, told, done, looked] = await askEach([
    ['pause', 'clerk'],
    ['publish', 'orders', bad, '--json'],
    ['pause', 'clerk', '--yes'],
    ['agents'],
  ]);

  expect(refused?.code).toBe(2);
  expect(refused?.err).toMatch(
    /^error: this would pause clerk on backend \.\/elsewhere\.ts, namespace default, which is not this machine: say --yes/,
  );
  expect([told?.code, JSON.parse(told?.err ?? '').error.code]).toEqual([2, 'USAGE']);
  expect(done).toEqual({ code: 0, out: 'clerk is paused\n', err: '' });
  expect(looked?.code).toBe(0);
});

test('a wrong token ends with 5, and a right one does not', async () => {
  const token = 'a-secret-of-sixteen-and-more';
  const cwd = project.folder;
  await using guarded = await startDev(['guild.ts', '--quiet'], { cwd, env: { GUILDWIRE_TOKEN: token } });
  const args = ['topics', '--url', guarded.url];

  const [none, wrong, right] = await guildwireEach(
    [
      args,
      { args, env: { GUILDWIRE_TOKEN: 'another-secret-of-some-length' } },
      { args, env: { GUILDWIRE_TOKEN: token } },
    ],
    { cwd },
  );

  expect([none?.code, wrong?.code, right?.code]).toEqual([5, 5, 0]);
  expect(none?.err).toMatch(/^error: credentials are missing.*\nset GUILDWIRE_TOKEN to the token of the server\n$/);
  const { err } = await guarded.cli.interrupt();
  expect(err).not.toContain(token);
});
