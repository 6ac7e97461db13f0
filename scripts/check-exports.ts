/**
 * Checks, after a build, that the package gives what package.json promises, and nothing else. One line per fault on standard
 * output; exit code 1 if there is any.
 *
 * - Every file that `exports` names exists, in dist/ and in lib/; every index.ts in lib/ is exported.
 * - What `npm pack` would ship holds those files, every file of the templates, and nothing from tests, examples, benchmarks
 *   or scripts. What `bin` names can be run.
 * - Importing the package by its name, as a user does, gives the build, with the same names as the source.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

interface Entry {
  readonly 'guildwire-source': string;
  readonly types: string;
  readonly default: string;
}

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, Entry | string>>;
  readonly bin: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
const entries = Object.entries(manifest.exports).filter(
  (entry): entry is [string, Entry] => typeof entry[1] === 'object',
);
const plain = Object.values(manifest.exports).filter((target) => typeof target === 'string');
const programs = Object.values(manifest.bin).map((file) => posix.normalize(file));
const named = [
  ...[...entries.flatMap(([, entry]) => Object.values<string>({ ...entry })), ...plain].map((file) =>
    posix.normalize(file),
  ),
  ...programs,
];

function checkFiles(): string[] {
  const sources = entries.map(([, entry]) => posix.normalize(entry['guildwire-source']));
  const indexes = globSync('lib/**/index.ts', { cwd: root }).map((file) => file.replaceAll('\\', '/'));
  return [
    ...named
      .filter((file) => !existsSync(join(root, file)))
      .map((file) => `${file}: named in exports or bin, but does not exist`),
    ...programs
      .filter((file) => existsSync(join(root, file)) && !readFileSync(join(root, file), 'utf8').startsWith('#!'))
      .map((file) => `${file}: named in bin, but begins with no #! line`),
    ...indexes
      .filter((file) => !sources.includes(file))
      .map((file) => `${file}: an index that package.json does not export`),
    ...entries.flatMap(([subpath, entry]) => namesakeFaults(subpath, entry)),
  ];
}

/** The three targets of an entry are the source, its declarations and its build. */
function namesakeFaults(subpath: string, entry: Entry): string[] {
  const built = entry['guildwire-source'].replace(/^\.\/lib\//, './dist/');
  const wanted = { types: built.replace(/\.ts$/, '.d.ts'), default: built.replace(/\.ts$/, '.js') };
  return (['types', 'default'] as const)
    .filter((condition) => entry[condition] !== wanted[condition])
    .map(
      (condition) =>
        `exports["${subpath}"].${condition}: is ${entry[condition]}, but the source makes ${wanted[condition]}`,
    );
}

function checkShipped(): string[] {
  const npm = process.env.npm_execpath;
  const options = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const { stdout, stderr } =
    npm === undefined
      ? spawnSync('npm', options, { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' })
      : spawnSync(process.execPath, [npm, ...options], { cwd: root, encoding: 'utf8' });
  const shipped = packedFiles(stdout);
  if (shipped === undefined) return [`npm pack gave no list of files: ${stderr.trim()}`];
  const templates = globSync('templates/**', { cwd: root, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
  const allowed = /^(?:dist\/|lib\/|lambdas\/|templates\/|(?:package\.json|README\.md|LICENSE|CHANGELOG\.md)$)/;
  return [
    ...[...named, ...templates, 'README.md', 'LICENSE', 'CHANGELOG.md']
      .filter((file) => !shipped.includes(file))
      .map((file) => `${file}: would not be shipped`),
    ...shipped
      .filter((file) => !allowed.test(file) || (/\.test\.[jt]s$/.test(file) && !file.startsWith('templates/')))
      .map((file) => `${file}: would be shipped, but is not for users`),
  ];
}

function packedFiles(output: string): readonly string[] | undefined {
  try {
    const [packed] = JSON.parse(output) as [{ readonly files: readonly { readonly path: string }[] }];
    return packed.files.map(({ path }) => path);
  } catch {
    return undefined;
  }
}

/** The build, imported by name in a process of its own, so that no condition of this one leads to the sources. */
async function checkNames(subpath: string, entry: Entry): Promise<string[]> {
  const name = posix.join(manifest.name, subpath);
  const program = `
    const names = Object.keys(await import(${JSON.stringify(name)}));
    console.log(JSON.stringify({ url: import.meta.resolve(${JSON.stringify(name)}), names }));`;
  const { NODE_OPTIONS: _, ...env } = process.env;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: root,
    encoding: 'utf8',
    env,
  });
  if (status !== 0)
    return [
      `import('${name}') fails: ${
        stderr
          .trim()
          .split('\n')
          .find((line) => line.includes('Error')) ?? stderr.trim()
      }`,
    ];
  const built = JSON.parse(stdout) as { readonly url: string; readonly names: readonly string[] };
  const wanted = pathToFileURL(join(root, entry.default)).href;
  if (built.url !== wanted) return [`import('${name}') gives ${built.url}, not ${wanted}`];
  const source = Object.keys((await import(pathToFileURL(join(root, entry['guildwire-source'])).href)) as object);
  return [
    ...source
      .filter((key) => !built.names.includes(key))
      .map((key) => `import('${name}') lacks ${key}, which the source exports: build again`),
    ...built.names
      .filter((key) => !source.includes(key))
      .map((key) => `import('${name}') has ${key}, which the source does not export`),
  ];
}

const faults = [...checkFiles(), ...checkShipped()];
if (faults.length === 0) for (const [subpath, entry] of entries) faults.push(...(await checkNames(subpath, entry)));

for (const fault of faults) console.log(fault);
if (faults.length > 0) process.exitCode = 1;
else console.log(`${entries.length} entry points are built, shipped and complete`);
