import { expect, test } from 'vitest';
import { RedisServer } from '../redis-server/redis-server.ts';
import { guildwire, Project, startDev } from './cli.ts';

const linesOf = (text: string) => text.split('\n').filter((line) => line !== '');

test.concurrent('says what is in place and what is not, and only what has to be mended counts', async () => {
  using project = Project.of('quickstart');
  const cwd = project.folder;
  await using dev = await startDev(['guild.ts', '--quiet'], { cwd });
  const nowhere = { GUILDWIRE_URL: 'http://127.0.0.1:9' };

  const [good, missing, broken, json] = await Promise.all([
    dev.ask('doctor', '--guild', 'guild.ts'),
    guildwire(['doctor'], { cwd, env: { GUILDWIRE_PORT: '9' } }),
    guildwire(['doctor', '--guild', 'formats.ts'], { cwd, env: nowhere }),
    guildwire(['doctor', '--json'], { cwd, env: nowhere }),
  ]);

  expect(good).toMatchObject({ code: 0, err: 'everything is in place\n' });
  expect(linesOf(good.out).map((line) => line.replace(/\d+ ms/, 'N ms'))).toEqual([
    `ok       Node: ${process.version}`,
    'ok       configuration: 2 values set; see --config',
    'ok       guild: shop: intake, pricer, clerk',
    `ok       server: ${dev.url} answers in N ms, 0 topics in use`,
    'ok       clock: not behind what is stored',
  ]);
  expect(missing).toMatchObject({ code: 0, err: 'everything is in place\n' });
  expect(missing.out).toMatch(/^warning {2}guild: no file is named.*\nwarning {2}server: cannot reach .*:9 /m);
  expect(broken).toMatchObject({ code: 1, err: '2 to mend\n' });
  expect(broken.out).toMatch(/^fault {4}guild: formats\.ts has no default export.*\nfault {4}server: cannot reach/m);
  expect(broken.out).toContain('\n         `guildwire dev GUILD` starts a server');
  expect(linesOf(json.out).map((line) => JSON.parse(line).state)).toEqual(['ok', 'ok', 'warning', 'fault']);
});

test.concurrent('prints every setting with its source, and no secret', async () => {
  using project = new Project({
    'guildwire.config.yaml': 'backend: redis://me:my-password@host/1\nagents:\n  clerk: { concurrency: 3 }\n',
  });
  const env = { GUILDWIRE_TOKEN: 'a-secret-of-sixteen-and-more', GUILDWIRE_PORT: '4200' };

  const [text, json] = await Promise.all([
    guildwire(['doctor', '--config', '--namespace', 'n'], { cwd: project.folder, env }),
    guildwire(['doctor', '--config', '--json'], { cwd: project.folder, env }),
  ]);

  expect(linesOf(text.out).map((line) => line.replaceAll(/ {2,}/g, '  '))).toEqual([
    'backend  "redis://me:…@host/1"  guildwire.config.yaml:1:10',
    'namespace  "n"  --namespace',
    'token  "(secret)"  GUILDWIRE_TOKEN',
    'http.host  "127.0.0.1"  default',
    'http.port  4200  GUILDWIRE_PORT',
    'http.corsOrigins  []  default',
    'agents.clerk.concurrency  3  guildwire.config.yaml:3:25',
  ]);
  expect(json.out).not.toMatch(/my-password|sixteen/);
  expect(JSON.parse(linesOf(json.out)[4] ?? '')).toEqual({ path: 'http.port', value: 4200, source: 'GUILDWIRE_PORT' });
});

test.concurrent('tells all that is wrong with a configuration at once', async () => {
  using project = new Project({ 'guildwire.config.yaml': 'bakend: x\nhttp: { port: high }\n' });

  const { code, out, err } = await guildwire(['doctor'], { cwd: project.folder });

  expect({ code, err }).toEqual({ code: 1, err: '1 to mend\n' });
  expect(linesOf(out).slice(1)).toEqual([
    'fault    configuration: guildwire.config.yaml:2:15 http.port: invalid input: expected number, received string',
    '         guildwire.config.yaml:1:9 bakend: is unknown: did you mean backend?',
  ]);
});

test.concurrent('of a Redis it says what is stored how safely, and shows no password', async () => {
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--requirepass', 'hunter-two'];
  await using safe = await RedisServer.start(durable);
  await using forgetful = await RedisServer.start();
  await using evicting = await RedisServer.start(['--save', '', '--maxmemory-policy', 'allkeys-lru']);
  using project = new Project();
  const doctor = (url: string, ...flags: readonly string[]) =>
    guildwire(['doctor', ...flags], { cwd: project.folder, env: { GUILDWIRE_BACKEND: url } });

  const [good, json, risky, refused, wrong] = await Promise.all([
    doctor(safe.url.replace('//', '//:hunter-two@')),
    doctor(safe.url.replace('//', '//:hunter-two@'), '--json'),
    doctor(forgetful.url),
    doctor(evicting.url),
    doctor(safe.url.replace('//', '//:hunter-three@')),
  ]);

  const facts = 'standalone, appendfsync always, 0 replicas, eviction policy noeviction';
  expect(good.out).toMatch(
    new RegExp(`^ok {7}redis: version \\d+\\.\\d+\\.\\d+, ${facts}, \\d+ MiB used, no limit$`, 'm'),
  );
  expect(linesOf(json.out).map((line) => JSON.parse(line))).toContainEqual({
    check: 'redis',
    state: 'ok',
    detail: expect.stringContaining(facts),
  });
  expect(risky.out).toMatch(
    /^warning {2}redis: .* appendfsync off, .*\n {9}a server that dies loses what it accepted: set/m,
  );
  expect([good, json, risky].map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(refused).toMatchObject({
    code: 1,
    out: expect.stringMatching(/^fault {4}backend: .*allkeys-lru.*noeviction/m),
  });
  expect(wrong).toMatchObject({ code: 1, out: expect.stringMatching(/^fault {4}backend: .*password/m) });
  for (const { out, err } of [good, json, risky, refused, wrong]) expect(out + err).not.toMatch(/hunter/);
});
