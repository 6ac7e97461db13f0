import { afterAll, expect, test } from 'vitest';
import { RedisServer } from '../redis-server/redis-server.ts';
import { Cli, guildwire, guildwireEach } from './cli.ts';
import { Office } from './worker-lab.ts';

const server = await RedisServer.start();
afterAll(() => server[Symbol.asyncDispose]());

const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
const linesOf = (text: string) => text.split('\n').filter((line) => line !== '');
const pidOf = (line: string): number => JSON.parse(line).pid;

test.concurrent('two workers share a subscription; told to end, they finish what runs and leave what waits to others', async () => {
  await using office = new Office(server.url, 'shared');
  const [one, other] = await Promise.all([office.worker(), office.worker()]);
  expect(one.said.worker).not.toBe(other.said.worker);
  for (const n of [1, 2]) await office.publish(n, 'told to end');
  const began = await Promise.all([one, other].map(({ cli }) => cli.line(/began/, 'err')));
  await office.publish(3);

  for (const { cli } of [one, other]) cli.signal('SIGTERM');
  const ended = await Promise.all([one, other].map(({ cli }) => cli.ended));
  const handled = await office.done(2);
  const next = await office.worker();
  const [, , last] = await office.done(3);

  expect(ended.map(({ code }) => code)).toEqual([0, 0]);
  expect(handled.map(({ pid }) => pid).toSorted()).toEqual(began.map(pidOf).toSorted());
  expect(handled.map(({ n }) => n).toSorted()).toEqual([1, 2]);
  expect(last).toEqual({ n: 3, pid: pidOf(await next.cli.line(/began/, 'err')) });
});

test.concurrent('what a worker held that is killed is handled by another', async () => {
  await using office = new Office(server.url, 'killed', 3_000);
  const workers = await Promise.all([office.worker(), office.worker()]);
  await office.publish(1, 'taken over');
  const began = workers.map(async (worker) => ({ worker, pid: pidOf(await worker.cli.line(/began 1/, 'err')) }));
  const first = await Promise.race(began);

  first.worker.cli.signal('SIGKILL');
  const [done] = await office.done(1);
  const other = await began[workers.indexOf(first.worker) === 0 ? 1 : 0];

  expect(done).toEqual({ n: 1, pid: other?.pid });
});

test.concurrent('when the time to finish is over, what runs is handed back at once, and nothing keeps the process', async () => {
  await using office = new Office(server.url, 'deadline');
  const first = await office.worker('--drain', '50');
  await office.publish(1, 'taken over');
  await first.cli.line(/began 1/, 'err');

  first.cli.signal('SIGTERM');
  const { code } = await first.cli.ended;
  const other = await office.worker();
  const [done] = await office.done(1);

  expect(code).toBe(0);
  expect(done).toEqual({ n: 1, pid: pidOf(await other.cli.line(/began 1/, 'err')) });
});

test.concurrent('a second signal ends a worker at once', async () => {
  await using office = new Office(server.url, 'second');
  const { cli, said } = await office.worker('--port', '0');
  await office.publish(1, 'taken over');
  await cli.line(/began 1/, 'err');

  cli.signal('SIGTERM');
  while ((await (await fetch(`${said.url}/health/ready`)).text()).includes('"ready"'));
  cli.signal('SIGINT');

  expect(await cli.ended).toMatchObject({ code: 130 });
});

test.concurrent('health and metrics are served, and nothing else; a worker that ends is no longer ready', async () => {
  await using office = new Office(server.url, 'probes');
  const { cli, said } = await office.worker('--port', '0');
  const ask = (path: string) => fetch(`${said.url}${path}`);
  await office.publish(1);
  await office.done(1);

  const [live, ready, api] = await Promise.all([
    ask('/health/live'),
    ask('/health/ready'),
    ask('/v1/namespaces/probes/topics'),
  ]);
  const metrics = await (await ask('/metrics')).text();
  expect([live.status, ready.status, api.status]).toEqual([200, 200, 404]);
  expect(await ready.json()).toMatchObject({ status: 'ready', dependencies: { backend: { status: 'up' } } });
  expect(metrics).toContain('guildwire_deliveries_handled_total{namespace="probes",agent="clerk"');
  await office.publish(2, 'taken over');
  await cli.line(/began 2/, 'err');
  cli.signal('SIGTERM');
  let closing: Response;
  do closing = await ask('/health/ready');
  while (closing.status === 200);
  expect(await closing.json()).toMatchObject({ status: 'closing' });
  expect((await ask('/health/live')).status).toBe(200);
});

test.concurrent('a worker rides out a server that is away, says so once each time, and is not ready meanwhile', async () => {
  await using own = await RedisServer.start(DURABLE);
  await using office = new Office(own.url, 'away');
  const { cli, said } = await office.worker('--port', '0');
  const status = async () => (await fetch(`${said.url}/health/ready`)).status;

  await own.kill();
  await cli.line(/"connection":"lost"/, 'err');
  const away = await status();
  await own.restart();
  await cli.line(/"connection":"back"/, 'err');
  const back = await status();
  own.pause();
  await cli.line(/"connection":"lost"/, 'err');
  own.resume();
  await cli.line(/"connection":"back"/, 'err');
  await office.publish(1);
  await office.done(1);
  const { code, err } = await cli.interrupt();

  expect([away, back, code]).toEqual([503, 200, 0]);
  const told = linesOf(err).filter((line) => !line.includes('began 1'));
  expect(told.map((line) => JSON.parse(line).connection)).toEqual(['lost', 'back', 'lost', 'back']);
});

test.concurrent('a person is told who is at work, where, and how it ends; no password is shown', async () => {
  await using locked = await RedisServer.start(['--save', '', '--requirepass', 'hunter-two']);
  await using office = new Office(locked.url.replace('//', '//:hunter-two@'), 'shown');
  const args = ['worker', 'guild.ts', '--backend', office.url, '--port', '0'];
  await using cli = new Cli(args, { cwd: office.project.folder, input: '' });

  await cli.line(/this is worker/, 'err');
  const { code, out, err } = await cli.interrupt();

  expect({ code, out }).toEqual({ code: 0, out: '' });
  expect(linesOf(err)).toEqual([
    `at work: clerk on redis://:…@127.0.0.1:${locked.port}, namespace default`,
    expect.stringMatching(/^ {2}health and metrics: (http:\/\/127\.0\.0\.1:\d+)\/health\/ready, \1\/metrics$/),
    expect.stringMatching(/^ {2}this is worker \S+-\d+-[0-9a-f]{6}; Ctrl-C ends it$/),
    'finishing what runs; once more Ctrl-C to stop at once',
  ]);
});

test.concurrent('other commands speak to workers through the store, and see what waits there', async () => {
  await using office = new Office(server.url, 'commands');
  await office.worker();
  const cwd = office.project.folder;
  const env = { GUILDWIRE_BACKEND: server.url, GUILDWIRE_NAMESPACE: office.namespace };
  const withGuild = { ...env, GUILDWIRE_GUILD: 'guild.ts' };

  const [said, unknown] = await guildwireEach(
    [
      { args: ['publish', 'tasks', '{"n":1}'], env: withGuild },
      { args: ['publish', 'tasks', '{"n":2}'], env },
    ],
    { cwd },
  );
  const done = await office.done(2);
  const [agents, history] = await guildwireEach(
    [
      { args: ['agents'], env: withGuild },
      { args: ['history', 'done', '--json'], env },
    ],
    { cwd },
  );

  expect(said).toMatchObject({ code: 0, out: expect.stringMatching(/^tasks\/\w{26}\n$/), err: '' });
  expect(unknown).toMatchObject({ code: 0, err: expect.stringMatching(/^as generic_json, since no guild here says/) });
  expect(done.map(({ n }) => n)).toEqual([1, 2]);
  expect(agents).toMatchObject({ code: 0, out: 'clerk  (0 waiting)\n  ← tasks\n  → done  to nobody here\n' });
  expect(linesOf(history?.out ?? '').map((line) => JSON.parse(line).payload)).toEqual(done);
});

test.concurrent('a worker that cannot be says why', async () => {
  await using office = new Office(server.url, 'misuse');
  const { said } = await office.worker('--port', '0');
  const cwd = office.project.folder;
  const at = ['worker', 'guild.ts', '--backend', server.url];

  const wrong = await guildwireEach(
    [
      ['worker', 'guild.ts'],
      ['worker', 'guild.ts', '--backend', './none.ts'],
      [...at, '--agents', 'clrek,boss'],
      [...at, '--agents', ','],
      [...at, '--drain', 'long'],
      [...at, '--port', new URL(said.url ?? '').port],
      [...at, '--port', '0', '--host', '0.0.0.0'],
    ],
    { cwd },
  );
  const nowhere = await guildwire(['worker', 'guild.ts', '--backend', 'redis://127.0.0.1:1', '--json'], { cwd });

  expect(wrong.map(({ err }) => err.split('\n')[0])).toEqual([
    'error: a worker shares its backend with other processes, and memory is this process only: give --backend redis://127.0.0.1:6379, say, or use `guildwire dev`',
    'error: backend: no file ./none.ts',
    'error: agents: guild "office" has no "clrek": did you mean clerk?; agents: guild "office" has no "boss": there are clerk',
    'error: --agents names none: there are clerk; leave it out for all',
    expect.stringContaining("option '--drain <ms>' argument 'long' is invalid"),
    expect.stringMatching(/cannot listen on 127\.0\.0\.1:\d+: it is in use/),
    expect.stringContaining('refuses to listen on "0.0.0.0"'),
  ]);
  expect(wrong.map(({ code }) => code)).toEqual(wrong.map(() => 2));
  expect(nowhere.code).toBe(4);
  expect(JSON.parse(nowhere.err)).toMatchObject({ error: { code: 'BACKEND_UNAVAILABLE', retryable: true } });
});
