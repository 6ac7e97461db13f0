/**
 * Checks what the documentation says: the TypeScript in it, the examples of docstrings, and the links between documents.
 * One line per fault on standard output; exit code 1 if there is any.
 *
 * - A `ts` block of a document is a module of its own, and imports what it uses. Write "ts no-check" after the fence to
 *   leave one out.
 * - The `@example` of a docstring in lib/ is a fragment: everything that `guildwire` exports is in reach without an import,
 *   and so are the names that `prelude` declares.
 * - A relative link must lead to an existing file, and its anchor to a heading of that file.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

interface Line {
  readonly text: string;
  /** Where it stands in its file, from 1. */
  readonly number: number;
  /** How many characters precede `text` on that line. */
  readonly indent: number;
}

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | { readonly 'guildwire-source': string }>>;
}

interface Snippet {
  readonly file: string;
  readonly lines: readonly Line[];
}

const root = fileURLToPath(new URL('..', import.meta.url));
const workspace = join(root, '.snippets');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

/** The usual names of docstring examples. */
const prelude = `
import type { App as CdkApp, Stack as CdkStack } from 'aws-cdk-lib';
import type { Agent, Backend, Bus, Context, Format, Guild, RunningGuild } from 'guildwire';
import type { Client } from 'guildwire/client';
import type { GuildManifest } from 'guildwire/lambda';
import type * as zod from 'zod';

type Ballot = { poll: string; voter: string; yes: boolean };

declare global {
  const z: typeof zod;
  const GUILDWIRE_MANIFEST: GuildManifest;
  const App: typeof CdkApp;
  const Stack: typeof CdkStack;
  const backend: Backend;
  const bus: Bus;
  const client: Client;
  const running: RunningGuild;
  const guild: Guild<'coordinator' | 'grammar'>;
  const coordinator: Agent<'coordinator'>;
  const grammar: Agent<'grammar'>;
  const context: Context<string, Format<'example.state', { count: number }, { count: number }>>;
  const Task: Format<'example.task', { text: string; line?: number }, { text: string; line: number }>;
  const Text: Format<'example.text', { text: string }, { text: string }>;
  const Vote: Format<'example.vote', Ballot, Ballot>;
  const Result: Format<'example.result', { yes: number }, { yes: number }>;
`;

/** The blocks of a document that are to be checked; code inside them is no prose. */
function blocksOf(
  file: string,
  text: string,
): { readonly snippets: readonly Snippet[]; readonly prose: readonly Line[] } {
  const snippets: Snippet[] = [];
  const prose: Line[] = [];
  let open:
    | { readonly fence: string; readonly indent: number; readonly isChecked: boolean; readonly lines: Line[] }
    | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const number = index + 1;
    if (open === undefined) {
      const [, space = '', fence, info = ''] = /^(\s*)(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
      if (fence === undefined) prose.push({ text: line, number, indent: 0 });
      else open = { fence, indent: space.length, isChecked: /^(ts|typescript)$/.test(info.trim()), lines: [] };
    } else if (line.trim().startsWith(open.fence) && line.trim().replaceAll(open.fence.charAt(0), '') === '') {
      if (open.isChecked) snippets.push({ file, lines: open.lines });
      open = undefined;
    } else {
      const indent = Math.min(open.indent, line.length - line.trimStart().length);
      open.lines.push({ text: line.slice(indent), number, indent });
    }
  }
  if (open?.isChecked) snippets.push({ file, lines: open.lines });
  return { snippets, prose };
}

/** The `@example` parts of a source file's docstrings. */
function examplesOf(file: string, text: string): readonly Snippet[] {
  const snippets: Snippet[] = [];
  let lines: Line[] | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const [, space = '', content = ''] = /^(\s*(?:\/\*)?\* ?)(.*)$/.exec(line.replace(/\s*\*\/\s*$/, '')) ?? [];
    const [, tag, rest = ''] = /^@(\w+)\s*(.*)$/.exec(content) ?? [];
    if (tag === 'example') {
      lines = rest === '' ? [] : [{ text: rest, number: index + 1, indent: line.indexOf(rest) }];
      snippets.push({ file, lines });
    } else if (tag !== undefined) lines = undefined;
    else if (!/^\s*```/.test(content)) lines?.push({ text: content, number: index + 1, indent: space.length });
    if (line.trimEnd().endsWith('*/')) lines = undefined;
  }
  return snippets;
}

/** Type-checks snippets in a folder of their own; `declarations` is in reach of them all. */
function checkTypes(name: string, snippets: readonly Snippet[], declarations: string): string[] {
  if (snippets.length === 0) return [];
  const folder = join(workspace, name);
  mkdirSync(folder, { recursive: true });
  const compilerOptions = { noUnusedLocals: false, noUnusedParameters: false };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['.'] }),
  );
  writeFileSync(join(folder, 'prelude.d.ts'), declarations);
  for (const [index, { lines }] of snippets.entries()) {
    writeFileSync(join(folder, `snippet-${index}.ts`), `${lines.map(({ text }) => text).join('\n')}\nexport {};\n`);
  }
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout, stderr, status } = spawnSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status === 0) return [];
  const faults = stdout.split('\n').filter((line) => line.trim() !== '');
  return faults.length === 0 ? [`tsc failed: ${stderr.trim()}`] : faults.map((fault) => inPlace(fault, snippets));
}

/** A line of the compiler with the place in the document instead of the place in the snippet. */
function inPlace(fault: string, snippets: readonly Snippet[]): string {
  const [, index, row, column, rest] = /^.*?snippet-(\d+)\.ts\((\d+),(\d+)\): (.*)$/.exec(fault) ?? [];
  const snippet = snippets[Number(index)];
  if (snippet === undefined) return fault;
  const line = snippet.lines[Number(row) - 1] ?? snippet.lines.at(-1);
  return `${snippet.file}(${line?.number ?? 1},${Number(column) + (line?.indent ?? 0)}): ${rest}`;
}

/** `prelude`, and every value that the package exports under any of its names, as globals. */
async function examplePrelude(): Promise<string> {
  const { name, exports } = JSON.parse(read('package.json')) as Manifest;
  let exported = '';
  for (const [subpath, entry] of Object.entries(exports)) {
    if (typeof entry === 'string') continue;
    const from = posix.join(name, subpath);
    const source = (await import(pathToFileURL(join(root, entry['guildwire-source'])).href)) as object;
    for (const key of Object.keys(source)) exported += `  const ${key}: typeof import('${from}').${key};\n`;
  }
  return `${prelude}${exported}}\n`;
}

/** The anchors that GitHub gives a document's headings. */
function anchorsOf(prose: readonly Line[]): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const { text } of prose) {
    const [, heading] = /^#{1,6}\s+(.*?)\s*#*$/.exec(text) ?? [];
    if (heading === undefined) continue;
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = words.replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
    let unique = anchor;
    for (let count = 1; anchors.has(unique); count++) unique = `${anchor}-${count}`;
    anchors.add(unique);
  }
  return anchors;
}

function checkLinks(file: string, prose: readonly Line[]): string[] {
  const faults: string[] = [];
  for (const { text, number } of prose) {
    const words = text.replace(/`[^`]*`/g, (code) => ' '.repeat(code.length));
    for (const match of words.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)|^\s*\[[^\]]+\]:\s+<?([^\s>]+)>?/g)) {
      const target = match[1] ?? match[2] ?? '';
      const problem = linkProblem(file, target);
      if (problem !== undefined) faults.push(`${file}(${number},${match.index + 1}): link to ${target} ${problem}`);
    }
  }
  return faults;
}

function linkProblem(file: string, target: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return undefined;
  const [path = '', anchor] = decodeURI(target).split('#');
  const absolute = path === '' ? join(root, file) : join(root, dirname(file), path);
  if (relative(root, absolute).startsWith('..')) return 'leaves the project';
  if (!existsSync(absolute)) return 'leads nowhere: there is no such file';
  if (anchor === undefined || statSync(absolute).isDirectory() || !absolute.endsWith('.md')) return undefined;
  const { prose } = blocksOf(file, readFileSync(absolute, 'utf8'));
  return anchorsOf(prose).has(anchor) ? undefined : `leads nowhere: no heading gives the anchor #${anchor}`;
}

const documents = globSync(['*.md', 'docs/**/*.md', 'examples/*/README.md'], { cwd: root }).toSorted();
const parts = documents.map((file) => ({ file, ...blocksOf(file, read(file)) }));
const snippets = parts.flatMap((part) => part.snippets);
const examples = globSync('lib/**/*.ts', { cwd: root })
  .toSorted()
  .flatMap((file) => examplesOf(file, read(file)));

rmSync(workspace, { recursive: true, force: true });
const faults = [
  ...parts.flatMap(({ file, prose }) => checkLinks(file, prose)),
  ...checkTypes('documents', snippets, 'export {};\n'),
  ...checkTypes('examples', examples, await examplePrelude()),
];
rmSync(workspace, { recursive: true, force: true });

for (const fault of faults) console.log(fault);
if (faults.length > 0) process.exitCode = 1;
else console.log(`${documents.length} documents, ${snippets.length} blocks and ${examples.length} examples are right`);
