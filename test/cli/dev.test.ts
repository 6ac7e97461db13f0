import { expect, test } from 'vitest';
import { guildwire, guildwireEach, Project, startDev } from './cli.ts';

const order = JSON.stringify({ lines: [{ product: 'tea', count: 2, cents: 450 }], coupon: 'half' });
const linesOf = (text: string) => text.split('\n').filter((line) => line !== '');

test.concurrent('says who is at work and where, shows what is said, and ends with 0 at Ctrl-C', async () => {
  using project = Project.of('quickstart');
  const cwd = project.folder;
  await using dev = await startDev(['guild.ts', '--namespace', 'shop-1'], { cwd });
  await using json = await startDev(['guild.ts', '--agents', 'intake,clerk', '--json'], { cwd });

  await Promise.all([
    dev.ask('publish', 'orders', order, '--namespace', 'shop-1'),
    json.ask('publish', 'orders', order),
  ]);
  await dev.cli.line(/clerk → receipts/);
  await json.cli.line(/"topic":"orders.accepted"/);
  const [text, data] = await Promise.all([dev.cli.interrupt(), json.cli.interrupt()]);

  expect(text.code).toBe(0);
  expect(linesOf(text.out).slice(0, 3)).toEqual([
    'shop at work: intake, pricer, clerk',
    `  ${dev.url} on memory:, namespace shop-1; reloads when guild.ts or what it imports changes`,
    `  in another terminal: guildwire publish TOPIC PAYLOAD --url ${dev.url}; Ctrl-C ends it`,
  ]);
  expect(linesOf(text.out).slice(3)).toHaveLength(4);
  expect(text.err).toBe('stopping: what runs is finished first, what waits stays in the backend\n');
  const [greeting, ...said] = linesOf(data.out).map((line) => JSON.parse(line));
  expect(greeting).toEqual({ url: json.url, namespace: 'default', guild: 'shop', agents: ['intake', 'clerk'] });
  expect(said.map(({ topic }) => topic)).toEqual(['orders', 'orders.accepted']);
  expect(data).toMatchObject({ code: 0, err: '' });
});

test.concurrent('a guild file that cannot be is told in a line, with its place, and ends with 2', async () => {
  using project = Project.of('quickstart');
  const define = "import { defineGuild } from 'guildwire';";
  const files: Readonly<Record<string, readonly [text: string, said: string | RegExp]>> = {
    'syntax.ts': ['const a = (\n', /syntax\.ts cannot be loaded: .+ \(syntax\.ts:\d+\)/],
    'throws.ts': ["const a = 1;\nthrow new Error('no luck');", 'throws.ts cannot be loaded: no luck (throws.ts:2:7)'],
    'inner.ts': ["import './throws.ts';", 'inner.ts cannot be loaded: no luck (throws.ts:2:7)'],
    'enum.ts': ['enum A { x }\nexport default A;', 'enum is not supported in strip-only mode (enum.ts:1)'],
    'module.ts': ["import './none.ts';", "Cannot find module 'none.ts' imported from module.ts"],
    'package.ts': ["import 'no-such-package';", 'install it with `npm install no-such-package`'],
    'name.ts': ["import { Nothing } from './formats.ts';", "does not provide an export named 'Nothing' (name.ts:1)"],
    'nothing.ts': ['export const a = 3;', 'has no default export, and no guild: write `export default defineGuild(…)`'],
    'three.ts': ['export default 3;', 'exports 3 as its default, and no guild'],
    'named.ts': ["export { default as shop } from './guild.ts';", 'no guild: write `export default shop`'],
    'definition.ts': [
      `${define} export default defineGuild({ name: 'two words', agents: [] });`,
      /guild "two words" cannot be defined so: name: .*; agents: is empty/,
    ],
  };
  for (const [name, [text]] of Object.entries(files)) project.write(name, text);

  const names = Object.keys(files);
  const [dev, ...ended] = await guildwireEach(
    [['dev', 'syntax.ts', '--port', '0'], ...names.map((name) => ['agents', '--guild', name])],
    { cwd: project.folder },
  );

  expect(dev?.err).toMatch(/^error: syntax\.ts cannot be loaded: /);
  for (const [index, { code, out, err }] of ended.entries()) {
    const said = files[names[index] ?? '']?.[1] ?? '';
    if (typeof said === 'string') expect(err).toContain(said);
    else expect(err).toMatch(said);
    expect({ code, out, lines: linesOf(err).length }).toEqual({ code: 2, out: '', lines: 1 });
  }
});

test.concurrent('a call that cannot be is told in a line, and ends with 2', async () => {
  using project = Project.of('quickstart');
  const cwd = project.folder;
  project.write('configured/guildwire.config.yaml', 'guild: ../guild.ts\nagents: { pricr: { concurrency: 2 } }\n');
  project.write('broken-backend.ts', 'export default () => { throw new Error("no disk"); };');
  project.write('no-backend.ts', 'export default () => ({});');
  await using dev = await startDev(['guild.ts', '--quiet'], { cwd });

  const again = ['dev', 'guild.ts', '--port'];
  const ended = await guildwireEach(
    [
      [...again, new URL(dev.url).port],
      [...again, '0', '--host', '0.0.0.0'],
      [...again, '0', '--agents', 'pricr'],
      ['dev', 'none.ts'],
      ['dev', '.'],
      ['dev'],
      [...again, '0', '--backend', './broken-backend.ts'],
      [...again, '0', '--backend', './no-backend.ts'],
    ],
    { cwd },
  );
  ended.push(await guildwire(['dev', '--port', '0'], { cwd: `${cwd}/configured` }));

  expect(ended.map(({ code, out }) => ({ code, out }))).toEqual(ended.map(() => ({ code: 2, out: '' })));
  expect(ended.map(({ err }) => err.trim())).toEqual([
    expect.stringMatching(/it is in use: choose another port, or 0 for any\n--port 4200 takes another port/),
    expect.stringMatching(/^error: refuses to listen on "0\.0\.0\.0".*\nset GUILDWIRE_TOKEN to at least 16 characters/),
    'error: agents: guild "shop" has no "pricr": did you mean pricer?',
    'error: no file none.ts: name the file whose default export is your guild',
    'error: . is a folder: name the file in it whose default export is your guild',
    'error: name the guild file: `guildwire dev guild.ts`, or set `guild` in guildwire.config.yaml',
    'error: backend: ./broken-backend.ts does not open its backend: no disk (broken-backend.ts:1:30)',
    'error: backend: the default export of ./no-backend.ts gives an object: return what implements `Backend`',
    expect.stringContaining('agents.pricr: is no agent of guild "shop": those are intake, pricer, clerk'),
  ]);
});

test.concurrent('the configuration says where it listens, and other commands find it there', async () => {
  using project = Project.of('quickstart');
  const cwd = project.folder;
  await using dev = await startDev(['guild.ts'], { cwd });
  const port = new URL(dev.url).port;
  project.write('guildwire.config.yaml', `guild: guild.ts\nbackend: 'memory:'\nhttp: { port: ${port} }\n`);

  const [published, second] = await guildwireEach([['publish', 'orders', order], ['dev']], { cwd });

  expect(published).toMatchObject({ code: 0, err: '' });
  await dev.cli.line(/clerk → receipts/);
  expect(second?.err).toMatch(new RegExp(`^error: cannot listen on 127\\.0\\.0\\.1:${port}: it is in use`));
});
