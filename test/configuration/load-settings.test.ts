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

    expect(await faults()).toEqual(['guildwire.config.ts: cannot be loaded: no such luck']);
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
