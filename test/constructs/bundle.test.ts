import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { type BundleOptions, bundleGuild } from '../../lib/constructs/bundle.ts';
import { manifestOf } from '../../lib/constructs/manifest-of.ts';
import type { FieldFault } from '../../lib/core/errors.ts';
import type { Agent } from '../../lib/guild/define-agent.ts';
import meddler from './fixtures/agents/meddler.ts';
import thinker from './fixtures/agents/thinker.ts';
import first, { other } from './fixtures/agents/two.ts';
import writer from './fixtures/agents/writer.ts';
import guild, { secondWriter } from './fixtures/guild.ts';

const scratch = mkdtempSync(join(tmpdir(), 'guildwire-bundle-test-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

class Refused extends Error {
  readonly faults: readonly FieldFault[];
  constructor(faults: readonly FieldFault[]) {
    super(JSON.stringify(faults));
    this.faults = faults;
  }
}

const bundle = (agents: readonly Agent[], options: BundleOptions = {}) =>
  bundleGuild(agents, manifestOf(guild), options, (faults) => {
    if (faults.length > 0) throw new Refused(faults);
  });
const faultsOf = (agents: readonly Agent[]): readonly FieldFault[] => {
  try {
    using _ = bundle(agents);
  } catch (error) {
    if (error instanceof Refused) return error.faults;
    throw error;
  }
  return [];
};
const folderOf = (code: object): string => (code as { readonly path: string }).path;
/** All that is in it, by file. */
const filesOf = (code: object): Readonly<Record<string, string>> => {
  const names = readdirSync(folderOf(code)).filter((name) => name.endsWith('.mjs'));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folderOf(code), name), 'utf8')]));
};
const textOf = (code: object) => Object.values(filesOf(code)).join('\n');

/** A file of an agent that lies somewhere else, as in a project of its own. */
function agentIn(folder: string, source: string): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'agent.ts');
  writeFileSync(file, source);
  return pathToFileURL(file).href;
}

describe('the bundle of an agent', () => {
  const built = bundle([writer, thinker, secondWriter, first]);
  afterAll(() => built[Symbol.dispose]());

  test('holds that agent and nothing of the others', () => {
    const [one, two] = [textOf(built.codeOfAgent('writer')), textOf(built.codeOfAgent('thinker'))];

    expect(one).toContain('written by writer');
    expect(one).not.toContain('thought by thinker');
    expect(two).toContain('thought by thinker');
    expect(two).not.toContain('written by writer');
  });

  test('is the same for one that was spread under another name', () => {
    expect(folderOf(built.codeOfAgent('second-writer'))).toBe(folderOf(built.codeOfAgent('writer')));
  });

  test('is the same, byte for byte, whenever it is made, and gone when it has been copied', () => {
    const other = bundle([writer, thinker, secondWriter, first]);
    const folder = folderOf(other.codeOfAgent('writer'));

    expect(folder).not.toBe(folderOf(built.codeOfAgent('writer')));
    expect(filesOf(other.codeOfAgent('writer'))).toEqual(filesOf(built.codeOfAgent('writer')));
    expect(filesOf(other.codeOf('relay'))).toEqual(filesOf(built.codeOf('relay')));

    other[Symbol.dispose]();
    expect(existsSync(folder)).toBe(false);
  });

  test('is found whole in its folder, and has no file that nothing in it imports', () => {
    for (const code of [built.codeOfAgent('writer'), built.codeOf('relay')]) {
      const files = filesOf(code);
      const imported = Object.values(files).flatMap((text) =>
        [...text.matchAll(/["']\.\/([\w-]+\.mjs)["']/g)].map(([, name]) => name ?? ''),
      );

      expect([...new Set([...imported, 'index.mjs'])].toSorted()).toEqual(Object.keys(files).toSorted());
    }
  });

  test('tells no path of this machine', () => {
    for (const code of [built.codeOfAgent('writer'), built.codeOf('ingest')]) {
      expect(textOf(code)).not.toContain(process.cwd());
      expect(textOf(code)).not.toContain(tmpdir());
    }
  });

  test('keeps the names of errors, which dead letters tell', async () => {
    const file = pathToFileURL(join(folderOf(built.codeOfAgent('writer')), 'index.mjs')).href;

    await expect(import(/* @vite-ignore */ file)).rejects.toThrow(
      expect.objectContaining({ name: 'InvalidArgumentError', message: expect.stringContaining('GUILDWIRE_AGENT') }),
    );
  });

  test('knows the guild', () => {
    for (const role of ['relay', 'janitor', 'ingest', 'history'] as const) {
      expect(textOf(built.codeOf(role))).toContain('draft.*');
    }
  });
});

test('the bundle of an agent in CommonJS, which names its file by __filename, starts as any other', () => {
  const library = new URL('../../lib/guild/define-agent.ts', import.meta.url).pathname;
  const folder = join(scratch, 'commonjs');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'agent.cjs');
  const lines = [
    `const { defineAgent } = require('${library}');`,
    "const entry = require('node:url').pathToFileURL(require('node:path').join(__dirname, 'agent.cjs')).href;",
    "if (!__filename.startsWith(__dirname)) throw new Error('lost');",
    "exports.default = defineAgent({ name: 'old', entry, subscribes: ['x'], handlers: (on) => [on.any(() => {})] });",
  ];
  writeFileSync(file, lines.join('\n'));
  const old: Agent = {
    ...writer,
    name: 'old',
    entry: pathToFileURL(file).href,
    handlers: [{ format: undefined, run: () => {} }],
  };
  using built = bundle([old]);
  const { stderr } = spawnSync(process.execPath, [join(folderOf(built.codeOfAgent('old')), 'index.mjs')]);

  expect(String(stderr)).toMatch(/InvalidArgumentError: .*GUILDWIRE_AGENT/);
});

describe('an entry is refused', () => {
  test('that exports no agent', () => {
    const entry = new URL('./fixtures/agents/none.ts', import.meta.url).href;

    expect(faultsOf([{ ...writer, entry }])).toEqual([
      { field: 'agents.writer.entry', problem: expect.stringMatching(/the default export of .*none\.ts is 42/) },
    ]);
  });

  test('that exports another agent', () => {
    expect(faultsOf([other])).toEqual([
      { field: 'agents.other.entry', problem: expect.stringMatching(/is another agent \("first"\)/) },
    ]);
  });

  test('that exports the agent with other numbers than the guild has, but not: those are the guild’s', () => {
    expect(faultsOf([{ ...writer, timeoutMs: 1_000 }])).toEqual([]);
  });

  test('that cannot be loaded', () => {
    const entry = agentIn(join(scratch, 'broken'), 'import "./missing.ts";');

    expect(faultsOf([{ ...writer, entry }])[0]?.problem).toMatch(/cannot be loaded: Cannot find module/);
  });

  test('that brings the agent of another file along', () => {
    expect(faultsOf([meddler, writer])).toEqual([
      {
        field: 'agents.meddler.entry',
        problem: expect.stringMatching(/imports .*writer\.ts, which is the file of another agent/),
      },
    ]);
  });
});

test.each([
  "readFileSync(new URL('./prompt.md', import.meta.url))",
  "join(import.meta.dirname, 'prompt.md')",
  "resolve(dirname(fileURLToPath(import.meta.url)), 'prompt.md')",
  '`$'.concat('{import.meta.dirname}/prompt.md`'),
  "import.meta.dirname + '/prompt.md'",
])('an agent that reads a file beside its own with %s is warned of', (reads) => {
  const library = new URL('../../lib/guild/define-agent.ts', import.meta.url).pathname;
  const source = `import { defineAgent } from '${library}';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
export const read = () => ${reads};
export default defineAgent({ name: 'llm', entry: import.meta.url, subscribes: ['x'], handlers: (on) => [on.any(() => { read(); })] });`;
  const entry = agentIn(join(scratch, `prompt-${reads.length}`), source);
  using built = bundle([{ ...writer, name: 'llm', entry, handlers: [{ format: undefined, run: () => {} }] }]);

  expect(built.warnings).toEqual([
    expect.stringMatching(
      /agent\.ts looks for a file beside itself, which a bundle has not: write what is in it into a module$/,
    ),
  ]);
});

describe('a package that reads files of its own', () => {
  const project = join(scratch, 'project');
  const words = join(project, 'node_modules/fixture-words');
  const lexicon = join(project, 'node_modules/fixture-lexicon');
  const library = new URL('../../lib/guild/define-agent.ts', import.meta.url).pathname;
  for (const folder of [words, lexicon]) mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(words, 'package.json'),
    JSON.stringify({
      name: 'fixture-words',
      version: '1.0.0',
      type: 'module',
      main: 'index.js',
      dependencies: { 'fixture-lexicon': '1' },
    }),
  );
  writeFileSync(
    join(words, 'index.js'),
    "import 'fixture-lexicon';import { readFileSync } from 'node:fs';\nawait 0;\nexport const words = readFileSync(new URL('words.txt', import.meta.url), 'utf8');",
  );
  writeFileSync(join(words, 'words.txt'), 'hello');
  writeFileSync(
    join(lexicon, 'package.json'),
    JSON.stringify({ name: 'fixture-lexicon', version: '1.0.0', main: 'index.js' }),
  );
  writeFileSync(join(lexicon, 'index.js'), '');
  const source = `import { defineAgent } from '${library}';
import { words } from 'fixture-words';
export default defineAgent({ name: 'reader', entry: import.meta.url, subscribes: ['x'], handlers: (on) => [on.any(() => { console.log(words); })] });`;
  const entry = agentIn(project, source);
  const reader: Agent = { ...writer, name: 'reader', entry, handlers: [{ format: undefined, run: () => {} }] };

  test('is copied beside the bundle that uses it, with what it depends on, and beside no other', async () => {
    using built = bundle([reader, writer], { nodeModules: ['fixture-words'] });
    const folder = folderOf(built.codeOfAgent('reader'));

    expect(readFileSync(join(folder, 'node_modules/fixture-words/words.txt'), 'utf8')).toBe('hello');
    expect(existsSync(join(folder, 'node_modules/fixture-lexicon/package.json'))).toBe(true);
    expect(existsSync(join(folderOf(built.codeOfAgent('writer')), 'node_modules'))).toBe(false);
    expect(built.warnings).toEqual([]);
  });

  test('is warned of if it is not named', () => {
    using built = bundle([reader]);

    expect(built.warnings).toEqual([expect.stringMatching(/fixture-words\/index\.js looks for a file beside itself/)]);

    writeFileSync(join(lexicon, 'index.js'), "require('node:path').join(__dirname, 'lexicon.txt');");
    using inCommonJs = bundle([reader]);

    expect(inCommonJs.warnings).toContainEqual(expect.stringMatching(/fixture-lexicon\/index\.js looks for a file/));
  });
});
