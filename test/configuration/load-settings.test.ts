import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadSettings } from '../../lib/configuration/load-settings.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'guildwire-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
const load = (environment: NodeJS.ProcessEnv = {}, flags: Record<string, unknown> = {}) =>
  loadSettings({ folder, environment, flags });

/** What is wrong, place by place. */
async function faults(environment: NodeJS.ProcessEnv = {}, flags: Record<string, unknown> = {}) {
  const failed = await load(environment, flags).then(
    () => ({ faults: [] }),
    (error: { code: string; faults: { field: string; problem: string }[] }) => error,
  );
  return failed.faults.map(({ field, problem }) => `${field}: ${problem}`);
}

describe('settings', () => {
  test('are the defaults where nobody says anything', async () => {
    const { settings, sources } = await load();

    expect(settings).toEqual({
      backend: 'memory:',
      namespace: 'default',
      http: { host: '127.0.0.1', port: 4_100, corsOrigins: [] },
      topics: {},
      agents: {},
    });
    expect(new Set(sources.map(({ source }) => source))).toEqual(new Set(['default']));
  });

  test('come from flags before variables before the file before the defaults, and say where from', async () => {
    write(
      'guildwire.config.yaml',
      'backend: memory:file\nnamespace: from-file\nhttp:\n  port: 1\nagents:\n  grammar:\n    concurrency: 3\n',
    );

    const { settings, sources } = await load(
      { GUILDWIRE_NAMESPACE: 'from-variable', GUILDWIRE_PORT: '2' },
      { 'http.port': 3, namespace: undefined },
    );

    expect(settings).toMatchObject({ backend: 'memory:file', namespace: 'from-variable', http: { port: 3 } });
    expect(settings.agents).toEqual({ grammar: { concurrency: 3 } });
    expect(Object.fromEntries(sources.map(({ path, source }) => [path, source]))).toEqual({
      backend: 'guildwire.config.yaml:1:10',
      namespace: 'GUILDWIRE_NAMESPACE',
      'http.host': 'default',
      'http.port': '--port',
      'http.corsOrigins': 'default',
      'agents.grammar.concurrency': 'guildwire.config.yaml:7:18',
    });
  });

  test('come from TypeScript and JSON as well, and paths in a file are relative to it', async () => {
    write(
      'guildwire.config.ts',
      'const days: number = 7;\nexport default { guild: "./guild.ts", topics: { a: { retentionDays: days } } };',
    );
    expect((await load()).settings).toMatchObject({
      guild: join(folder, 'guild.ts'),
      topics: { a: { retentionDays: 7 } },
    });
    expect((await load({ GUILDWIRE_GUILD: './mine.ts' })).settings.guild).toBe('./mine.ts');

    rmSync(join(folder, 'guildwire.config.ts'));
    write('guildwire.config.json', '{ "namespace": "json" }');
    expect((await load()).settings.namespace).toBe('json');
  });

  test('that are files are relative to the file that names them, and URLs are left alone', async () => {
    write('guildwire.config.yaml', 'guild: guild.ts\nbackend: ./backend.ts\n');
    expect((await load()).settings).toMatchObject({
      guild: join(folder, 'guild.ts'),
      backend: join(folder, 'backend.ts'),
    });

    write('guildwire.config.yaml', 'guild: /absolute/guild.ts\nbackend: memory:shop\n');
    expect((await load()).settings).toMatchObject({ guild: '/absolute/guild.ts', backend: 'memory:shop' });
    expect((await load({}, { backend: './mine.ts' })).settings.backend).toBe('./mine.ts');
  });

  test('show where a password stood, and not what it was', async () => {
    const { sources, settings } = await load({ GUILDWIRE_BACKEND: 'redis://me:my-password@host/1' });

    expect(settings.backend).toContain('my-password');
    expect(JSON.stringify(sources)).not.toContain('my-password');
    expect(sources[0]).toEqual({ path: 'backend', value: 'redis://me:…@host/1', source: 'GUILDWIRE_BACKEND' });
  });

  test('that are empty variables count as not set', async () => {
    const { settings } = await load({ GUILDWIRE_NAMESPACE: '', GUILDWIRE_PORT: '' });

    expect(settings).toMatchObject({ namespace: 'default', http: { port: 4_100 } });
  });

  test('never show a secret', async () => {
    const { sources } = await load({ GUILDWIRE_TOKEN: 'a-very-secret-token-1234' });

    expect(sources.find(({ path }) => path === 'token')).toEqual({
      path: 'token',
      value: '(secret)',
      source: 'GUILDWIRE_TOKEN',
    });
    expect(JSON.stringify(sources)).not.toContain('very-secret');
  });
});

describe('what is wrong', () => {
  test('is told all at once, each with its place', async () => {
    write(
      'guildwire.config.yaml',
      'token: my-own-secret-token-99\nagents:\n  grammar:\n    concurrency: 0\n    ordering: sorted\nbakend: x\n',
    );

    const found = await faults({ GUILDWIRE_PORT: 'http', GUILDWIRE_NAMESPCE: 'x' }, { url: 'nowhere' });

    expect(found.map((fault) => fault.split(': ')[0])).toEqual([
      'guildwire.config.yaml:1:8 token',
      'GUILDWIRE_NAMESPCE',
      '--url url',
      'GUILDWIRE_PORT',
      'guildwire.config.yaml:4:18 agents.grammar.concurrency',
      'guildwire.config.yaml:5:15 agents.grammar.ordering',
      'guildwire.config.yaml:6:9 bakend',
    ]);
    expect(found.join()).not.toContain('my-own-secret');
  });

  test('a file that is no YAML, no object, or one of two', async () => {
    write('guildwire.config.yaml', 'a: [1\n');
    expect((await faults())[0]).toMatch(/^guildwire\.config\.yaml:\d:\d/);
    write('guildwire.config.yaml', '- 1\n');
    expect(await faults()).toEqual([expect.stringContaining('holds no object')]);
    write('guildwire.config.json', '{}');
    expect(await faults()).toEqual(['guildwire.config.json: stands beside guildwire.config.yaml: keep one of them']);
  });

  test('a TypeScript file that throws', async () => {
    write('guildwire.config.ts', 'throw new Error("no such luck");');

    expect(await faults()).toEqual([
      expect.stringMatching(/^guildwire\.config\.ts: cannot be loaded: no such luck \(.*guildwire\.config\.ts:1:7\)$/),
    ]);
  });

  test('a TypeScript file that exports nothing, or what is no plain value', async () => {
    write('guildwire.config.ts', 'export const settings = {};');
    expect(await faults()).toEqual([expect.stringContaining('holds no object')]);

    rmSync(join(folder, 'guildwire.config.ts'));
    const other = join(folder, 'other');
    mkdirSync(other);
    writeFileSync(
      join(other, 'guildwire.config.ts'),
      'export default { http: { port: () => 1 }, agents: { a: { retry: 3 } } };',
    );
    const failed = await loadSettings({ folder: other, environment: {} }).catch((error: Error) =>
      error.message.split('\n'),
    );
    expect(failed).toEqual([
      'guildwire.config.ts http.port: invalid input: expected number, received function',
      'guildwire.config.ts agents.a.retry: invalid input: expected object, received number',
    ]);
  });

  test('a misspelt name, wherever it stands, with the one that may be meant', async () => {
    write(
      'guildwire.config.json',
      JSON.stringify({
        http: { prot: 1 },
        topics: { 'doc.*': { retentionDay: 7 } },
        agents: { a: { concurency: 2, retry: { attemps: 3 } } },
      }),
    );

    expect((await faults()).map((fault) => fault.replace(/^guildwire\.config\.json:1:\d+ /, ''))).toEqual([
      'http.prot: is unknown: did you mean port?',
      'topics.doc.*.retentionDay: is unknown: did you mean retentionDays?',
      'agents.a.retry.attemps: is unknown: did you mean attempts?',
      'agents.a.concurency: is unknown: did you mean concurrency?',
    ]);
  });

  test('a file under a name that is not read', async () => {
    write('guildwire.config.yml', 'backend: x');

    expect(await faults()).toEqual([
      'guildwire.config.yml: is not read: name it guildwire.config.ts, or guildwire.config.yaml, or guildwire.config.json',
    ]);
  });

  test('a key that stands twice, or a URL with a password, which is not shown', async () => {
    write('guildwire.config.yaml', 'backend: a\nbackend: b\n');
    expect(await faults()).toEqual([expect.stringMatching(/^guildwire\.config\.yaml:2:1: Map keys must be unique/)]);

    write('guildwire.config.yaml', 'url: http://me:my-password@host\n');
    expect(await faults()).toEqual(['guildwire.config.yaml:1:6 url: holds credentials: set GUILDWIRE_TOKEN instead']);
  });

  test('an empty file is an empty configuration, not a fault', async () => {
    write('guildwire.config.yaml', '# nothing yet\n');

    expect(await faults()).toEqual([]);
  });

  test('a folder that is not there has no configuration', async () => {
    mkdirSync(join(folder, 'inner'));
    rmSync(join(folder, 'inner'), { recursive: true });

    expect((await loadSettings({ folder: join(folder, 'inner'), environment: {} })).settings.backend).toBe('memory:');
  });
});
