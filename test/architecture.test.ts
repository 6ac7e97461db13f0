import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

/** Imports only point to a lower number. Whatever is not in a folder of its own is the edge of the package. */
const layers: Readonly<Record<string, number>> = {
  environment: 0,
  core: 1,
  backends: 2,
  bus: 3,
  guild: 4,
  http: 5,
  configuration: 5,
  testing: 5,
  hosts: 6,
  dev: 7,
  rehearsal: 7,
  cli: 8,
  constructs: 8,
};
const EDGE = 9;

/**
 * Double casts, each where TypeScript cannot know what the code has just made sure of. The conformance suite may cast: it
 * looks at payloads that the platform wrote, or that it published itself.
 */
const doubleCasts: Readonly<Record<string, { readonly count: number; readonly why: string }>> = {
  'lib/bus/history-query.ts': { count: 1, why: 'an object made of the one place that a query names' },
  'lib/core/codec.ts': { count: 2, why: 'a message as a record of fields, and fields that the rules have checked' },
  'lib/core/dead-letter.ts': { count: 1, why: 'a payload that only the platform writes' },
  'lib/guild/aggregator.ts': { count: 1, why: 'a page of its own, as state keeps it' },
};

/** To be split; nothing may be added. */
const stillTooLong: readonly string[] = [];

const root = join(import.meta.dirname, '..');
const files = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => normalize(join('lib', path)).replaceAll('\\', '/'))
  .toSorted();
const sources = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));

/** Static ones (value and type, over any number of lines), those for their effect alone, and lazy ones. */
const IMPORT =
  /^(?:import|export)\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\w+|(?:\w+\s*,\s*)?\{[^}]*\})\s+from\s+'([^']+)'|^import\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm;

function importsOf(file: string): readonly string[] {
  const found = (sources.get(file) ?? '').matchAll(IMPORT);
  return [...found].map(([, fixed, effect, lazy]) => fixed ?? effect ?? lazy ?? '');
}
/** Without imports of types alone, which are gone when the program runs. */
const valuesOf = (file: string): readonly string[] => {
  const source = (sources.get(file) ?? '').replaceAll(/^(?:import|export) type [\s\S]*?from '[^']+';$/gm, '');
  return [...source.matchAll(IMPORT)].map(([, fixed, effect, lazy]) => fixed ?? effect ?? lazy ?? '');
};
const resolved = (file: string, path: string) => normalize(join(dirname(file), path)).replaceAll('\\', '/');
const relativeOf = (file: string) =>
  importsOf(file)
    .filter((path) => path.startsWith('.'))
    .map((path) => resolved(file, path));
const packagesOf = (file: string) => importsOf(file).filter((path) => !path.startsWith('.'));
const folderOf = (file: string) => file.split('/')[1] ?? '';
/** `lib/backends/redis` for what lies in it, at any depth. */
const backendOf = (file: string) => file.split('/').slice(0, 3).join('/');
const layerOf = (file: string) => (file.split('/').length === 2 ? EDGE : layers[folderOf(file)]);

/** What is left of a source without comments and text, so that words in them do not count. */
function codeOf(file: string): string {
  const source = sources.get(file) ?? '';
  return source.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g, (found) =>
    found.startsWith('/') ? '' : "''",
  );
}

test('every file lies in a layer, and every import is found', () => {
  const imports = files.flatMap((file) => relativeOf(file));

  expect(files.length).toBeGreaterThan(40);
  expect(files.filter((file) => layerOf(file) === undefined)).toEqual([]);
  expect(imports.length).toBeGreaterThan(200);
  expect(imports.filter((file) => !sources.has(file))).toEqual([]);
  for (const [file, source] of sources) {
    const fixed = source.match(/^(?:import\b(?!\()|\} from '|export .* from ')(?!.*\{$)/gm)?.length ?? 0;
    const lazy = source.match(/\bimport\(\s*'/g)?.length ?? 0;
    expect(importsOf(file).length, file).toBe(fixed + lazy);
  }
});

test('imports only point down', () => {
  const upward = files.flatMap((file) =>
    relativeOf(file)
      .filter((target) => folderOf(target) !== folderOf(file) && (layerOf(target) ?? EDGE) >= (layerOf(file) ?? EDGE))
      .map((target) => `${file} -> ${target}`),
  );

  expect(upward).toEqual([]);
});

test('nobody imports the edge of the package, or an index', () => {
  const isEdge = (target: string) => layerOf(target) === EDGE || basename(target) === 'index.ts';

  expect(files.filter((file) => relativeOf(file).some(isEdge))).toEqual([]);
  expect(files.filter((file) => packagesOf(file).some((name) => /^guildwire(\/|$)/.test(name)))).toEqual([]);
});

test('a backend imports core, the port and its own folder, and no other backend', () => {
  const foreign = files
    .filter((file) => /^lib\/backends\/[^/]+\//.test(file))
    .flatMap((file) =>
      relativeOf(file)
        .filter(
          (target) =>
            !['core', 'environment'].includes(folderOf(target)) &&
            backendOf(target) !== backendOf(file) &&
            dirname(target) !== 'lib/backends',
        )
        .map((target) => `${file} -> ${target}`),
    );

  expect(foreign).toEqual([]);
});

test('there is no cycle of imports, of values or of types', () => {
  const finished = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
    if (path.includes(file) || finished.has(file)) return;
    for (const target of relativeOf(file)) visit(target, [...path, file]);
    finished.add(file);
  };
  for (const file of files) visit(file, []);

  expect(cycles).toEqual([]);
});

test('constructs stand aside: they know names, topics and what a guild is, and nobody knows them', () => {
  const tower = files.filter((file) => folderOf(file) === 'constructs');
  const allowed =
    /^lib\/(?:constructs|environment)\/|^lib\/core\/(?:topic|topic-family|admission|errors|show)\.ts$|^lib\/guild\//;
  const outside = (found: readonly string[], file: string) => found.map((target) => `${file} -> ${target}`);
  const values = (file: string) =>
    valuesOf(file)
      .filter((path) => path.startsWith('.'))
      .map((path) => resolved(file, path));

  expect(tower.length).toBeGreaterThan(10);
  expect(
    tower.flatMap((file) =>
      outside(
        relativeOf(file).filter((target) => !allowed.test(target)),
        file,
      ),
    ),
  ).toEqual([]);
  // Of a guild they import types only: its code belongs to whoever runs it.
  expect(
    tower.flatMap((file) =>
      outside(
        values(file).filter((target) => folderOf(target) === 'guild'),
        file,
      ),
    ),
  ).toEqual([]);
  expect(
    files
      .filter((file) => folderOf(file) !== 'constructs')
      .flatMap((file) =>
        outside(
          relativeOf(file).filter((target) => folderOf(target) === 'constructs'),
          file,
        ),
      ),
  ).toEqual([]);
  const packages = (file: string) =>
    packagesOf(file).filter((name) => /^(?:aws-cdk-lib|constructs|esbuild)(?:\/|$)/.test(name));
  expect([...new Set(files.filter((file) => packages(file).length > 0).map(folderOf))]).toEqual(['constructs']);
});

test('core imports nothing of Node, and no package but the types of Standard Schema', () => {
  const packages = files.filter((file) => folderOf(file) === 'core').flatMap(packagesOf);

  expect([...new Set(packages)]).toEqual(['@standard-schema/spec']);
});

test('vitest is imported in lib/testing only', () => {
  const importers = files.filter((file) => packagesOf(file).some((name) => /^(vitest|@vitest)(\/|$)/.test(name)));

  expect([...new Set(importers.map(folderOf))]).toEqual(['testing']);
});

test('hono is imported in lib/http and lib/hosts only, and the client loads nothing of it, nor zod', () => {
  const importers = files.filter((file) => packagesOf(file).some((name) => /^(@?hono)(\/|$)/.test(name)));
  const loaded = new Set<string>();
  const load = (file: string): void => {
    if (loaded.has(file)) return;
    loaded.add(file);
    for (const target of valuesOf(file)) if (target.startsWith('.')) load(resolved(file, target));
  };
  load('lib/http/client/index.ts');
  const packages = [...loaded].flatMap(valuesOf).filter((path) => !path.startsWith('.'));

  expect([...new Set(importers.map(folderOf))].toSorted()).toEqual(['hosts', 'http']);
  expect(loaded.size).toBeGreaterThan(10);
  expect(packages).toEqual([]);
});

test('environment variables are read in lib/environment only', () => {
  const readers = files.filter((file) => /\bprocess\s*\.\s*env\b/.test(codeOf(file)));

  expect([...new Set(readers.map(folderOf))]).toEqual(['environment']);
});

test('no type is any', () => {
  const ANY = /(?:[:<|&]|\bas|\bextends|=>)\s*any\b(?!\s*[(:.])|,\s*any\s*>|\bany\[\]/;
  const users = files.filter((file) => ANY.test(codeOf(file)));

  expect(users).toEqual([]);
});

test('no value is cast twice but where it is said why', () => {
  const found = files
    .filter((file) => !file.startsWith('lib/testing/conformance/'))
    .flatMap((file) => {
      const count = codeOf(file).match(/\bas\s+unknown\s+as\b/g)?.length ?? 0;
      return count === 0 ? [] : [[file, count] as const];
    });

  expect(Object.fromEntries(found)).toEqual(
    Object.fromEntries(Object.entries(doubleCasts).map(([file, { count }]) => [file, count])),
  );
});

test('no file has a name that says nothing', () => {
  const vague = /(^|[/-])(utils?|helpers?|common|misc|shared|types?|interfaces?)(\.ts|\/|$)/;

  expect(files.filter((file) => vague.test(file))).toEqual([]);
  expect(files.filter((file) => !/^lib(\/[a-z0-9]+(-[a-z0-9]+)*)+\.ts$/.test(file))).toEqual([]);
});

test('most files are below 200 lines, and none is above 330', () => {
  const lengths = [...sources].map(([file, source]) => ({ file, lines: source.split('\n').length - 1 }));
  const long = lengths.filter(({ lines }) => lines >= 200);

  expect(lengths.filter(({ file, lines }) => lines > 330 && !stillTooLong.includes(file))).toEqual([]);
  expect(long.length, long.map(({ file }) => file).join(', ')).toBeLessThan(lengths.length / 4);
});
