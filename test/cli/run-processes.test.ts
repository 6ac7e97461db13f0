import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, expect, test } from 'vitest';
import { RedisServer } from '../redis-server/redis-server.ts';
import { Cli, guildwire, Project } from './cli.ts';

const PASSWORD = 'hunter-two';
const server = await RedisServer.start(['--save', '', '--requirepass', PASSWORD]);
const url = server.url.replace('//', `//:${PASSWORD}@`);
afterAll(() => server[Symbol.asyncDispose]());

const REVIEW = 'examples/doc-review/guild.ts';
const PLANTED = join(import.meta.dirname, '../../examples/doc-review/fixtures/planted.md');
const linesOf = (text: string) => text.split('\n').filter((line) => line !== '');

/** Each agent tells its process, and `last` waits until that is to end. */
const guildOf = (before = '') => `
  import { defineAgent, defineGuild } from 'guildwire';
  ${before}
  const agent = (name, subscribes, publishes, hangs) => defineAgent({
    name, entry: import.meta.url, subscribes, publishes,
    handlers: (on) => [on.any(async (payload, context) => {
      context.log.info('has it', { pid: process.pid, argv: process.argv.slice(2) });
      if (hangs) await new Promise((end) => process.once('SIGTERM', end).once('disconnect', end));
      for (const topic of publishes) context.forward(topic);
    })],
  });
  export default defineGuild({
    name: 'chain',
    agents: [agent('first', ['tasks'], ['next'], false), agent('last', ['next'], [], true)],
  });`;
const runArgs = (namespace: string, ...more: readonly string[]) => [
  'run',
  'guild.ts',
  ...['--topic', 'tasks', '--payload', '{}', '--processes', '--json'],
  ...['--backend', url, '--namespace', namespace],
  ...more,
];

/** Resolves when nobody but who asks has a connection, so that all processes are gone. */
async function nobodyConnected(port: number): Promise<void> {
  const redis = new Redis(port, { password: PASSWORD });
  while (
    String(await redis.call('CLIENT', 'LIST'))
      .trim()
      .split('\n').length > 1
  );
  redis.disconnect();
}

test('a review with each agent in a process of its own gives the same report, as text and as JSON', async () => {
  const args = ['run', REVIEW, PLANTED];
  const shared = ['--processes', '--backend', url];

  const [one, many, oneJson, manyJson] = await Promise.all([
    guildwire(args),
    guildwire([...args, ...shared, '--namespace', 'text']),
    guildwire([...args, '--json']),
    guildwire([...args, ...shared, '--namespace', 'json', '--json']),
  ]);

  expect([one, many, oneJson, manyJson].map(({ code }) => code)).toEqual([0, 0, 0, 0]);
  expect(one.out).toContain('Review of planted.md');
  expect(many.out).toBe(one.out);
  expect(manyJson.out).toBe(oneJson.out);
  expect(JSON.parse(oneJson.out)).toMatchObject({ document: 'planted.md', partial: false });
  await nobodyConnected(server.port);
});

test('an agent that cannot start is told, with its reason and its exit code, and the others are ended', async () => {
  using project = new Project({
    'guild.ts': guildOf("if (process.argv.includes('last')) throw new Error('no last today');"),
  });

  const { code, out, err } = await guildwire(runArgs('start'), { cwd: project.folder });

  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(JSON.parse(err)).toMatchObject({
    error: {
      code: 'GUILD_FILE',
      message: 'the process of last: guild.ts cannot be loaded: no last today (guild.ts:3:44)',
    },
  });
  await nobodyConnected(server.port);
});

test('Ctrl-C, or the death of the process that started them, ends all processes; their arguments hold no password', async () => {
  using project = new Project({ 'guild.ts': guildOf() });
  const cwd = project.folder;
  await using interrupted = new Cli(runArgs('interrupted'), { cwd, input: '' });
  await interrupted.line(/"agent":"first"/, 'err');
  const said = await interrupted.line(/"agent":"last"/, 'err');
  await using killed = new Cli(runArgs('killed'), { cwd, input: '' });
  await killed.line(/"agent":"last"/, 'err');

  const { code } = await interrupted.interrupt();
  killed.signal('SIGKILL');
  await nobodyConnected(server.port);

  expect(code).toBe(130);
  expect(said).toContain('"argv":["worker"');
  expect(said).not.toContain(PASSWORD);
});

test('a process that ends by itself ends the run, which says whose it was', async () => {
  using project = new Project({ 'guild.ts': guildOf("console.log('loaded');") });
  await using cli = new Cli(runArgs('ends'), { cwd: project.folder, input: '' });
  const { pid } = JSON.parse(await cli.line(/"agent":"last"/, 'err'));

  process.kill(pid, 'SIGKILL');
  const { code, out, err } = await cli.ended;

  expect(code).toBe(1);
  // By this process, and by that of each agent: what agents print is printed.
  expect(linesOf(out).filter((line) => line === 'loaded')).toHaveLength(3);
  expect(JSON.parse(linesOf(err).at(-1) ?? '')).toMatchObject({
    error: { code: 'PROCESS_ENDED', message: 'the process of last: it ended by itself (SIGKILL)' },
  });
  await nobodyConnected(server.port);
});

test('what a guild file exports as `run` is told of what it was given, and its failure has a place', async () => {
  using project = new Project({
    'guild.ts': `${guildOf()}
      export const run = async (bus, { file, json }) => {
        if (file === undefined) throw new Error('no file, no work');
        console.log(JSON.stringify({ file, json, namespace: bus.namespace }));
      };`,
  });
  const cwd = project.folder;

  const [good, bad, both] = await Promise.all([
    guildwire(['run', 'guild.ts', 'a.md', '--namespace', 'n'], { cwd }),
    guildwire(['run', 'guild.ts'], { cwd }),
    guildwire(['run', 'guild.ts', '--payload', '3'], { cwd }),
  ]);

  expect(good).toEqual({ code: 0, out: '{"file":"a.md","json":false,"namespace":"n"}\n', err: '' });
  expect(bad).toMatchObject({ code: 1, err: 'error: `run` of guild.ts failed: no file, no work (guild.ts:17:39)\n' });
  expect(both).toMatchObject({ code: 2, err: 'error: --payload and --format are for a message, and need --topic\n' });
});
