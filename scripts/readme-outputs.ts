/**
 * Runs the walk-through of README.md, "Watch it fail, mend it", word for word in a copy of the example, and writes what the
 * commands print into it. Nothing changes if only ids, times and durations differ. test/readme-quickstart.test.ts compares
 * without writing.
 *
 * A `console` block holds commands behind `$ `, of which `guildwire dev` goes on; a `text` block is what that says next, as
 * many lines as there are; a `diff` block is made in the file that has the line.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Block {
  readonly language: string;
  readonly text: string;
  /** Where its text begins in the document. */
  readonly at: number;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const HEADING = '## Watch it fail, mend it\n';
const EXAMPLE = 'examples/quickstart';
const ID = /\b[0-9A-HJKMNP-TV-Z]{25}\d\b/g;
const TIME_LIMIT_MS = 20_000;

/** The blocks of the section, in their order. */
export function blocksOf(readme: string): readonly Block[] {
  const from = readme.indexOf(HEADING);
  const section = readme.slice(from, readme.indexOf('\n## ', from + HEADING.length));
  const found = section.matchAll(/^```(console|text|diff)\n([\s\S]*?)^```$/gm);
  return [...found].map(({ 1: language = '', 2: text = '', index }) => ({
    language,
    text,
    at: from + index + `\`\`\`${language}\n`.length,
  }));
}

/** Without what differs from run to run; ids are numbered, so that it still shows which are the same. */
export function normalized(blocks: readonly string[]): readonly string[] {
  const ids: string[] = [];
  const numbered = (id: string) => {
    if (!ids.includes(id)) ids.push(id);
    return `<id ${ids.indexOf(id) + 1}>`;
  };
  return blocks.map((block) =>
    inStreams(block)
      .replaceAll(ID, numbered)
      .replaceAll(/\b\d\d:\d\d:\d\d\.\d{3}\b/g, '<time>')
      .replaceAll(/\b\d+(?:\.\d)? (?:ms|s|min)\b/g, '<duration>'),
  );
}

/** What is logged behind what was said: which of them comes first when both happen at once differs too. */
function inStreams(block: string): string {
  const lines = block.split('\n');
  const isLogged = (line: string) => /^(?:warn|error) /.test(line);
  return [...lines.filter((line) => !isLogged(line)), ...lines.filter(isLogged)].join('\n');
}

/** The same blocks, with what the commands print now. */
export async function walkThrough(blocks: readonly Block[]): Promise<readonly string[]> {
  await using walk = new Walk();
  const texts: string[] = [];
  for (const { language, text } of blocks) {
    if (language === 'text') texts.push(await walk.following(text.split('\n').length - 1));
    else if (language === 'diff') texts.push(walk.change(text));
    else texts.push(await walk.run(text));
  }
  return texts;
}

class Walk implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'guildwire-readme-'));
  #dev: Following | undefined;
  #url = '';
  /** Ids of the document, by those that stand for them now. */
  readonly #ids = new Map<string, string>();

  constructor() {
    mkdirSync(join(this.#folder, 'node_modules'));
    for (const [name, path] of [['guildwire', '.'] as const, ['zod', 'node_modules/zod'] as const])
      symlinkSync(join(root, path), join(this.#folder, 'node_modules', name), 'dir');
    writeFileSync(join(this.#folder, 'package.json'), '{ "type": "module" }');
    cpSync(join(root, EXAMPLE), join(this.#folder, EXAMPLE), { recursive: true });
  }

  /** A block of commands, each with what it printed before, and gives it with what it prints. */
  async run(block: string): Promise<string> {
    const parts = block.split(/^(?=\$ )/m);
    let text = '';
    for (const part of parts) {
      const [command = '', ...before] = part.trimEnd().split('\n');
      const out = command.includes('guildwire dev ')
        ? await this.#develop(command, before.length)
        : await this.#ask(command);
      this.#learn(before.join('\n'), out);
      text += `${this.#now(command)}\n${out}${part.endsWith('\n\n') ? '\n' : ''}`;
    }
    return text;
  }

  following(lines: number): Promise<string> {
    return (this.#dev as Following).take(lines);
  }

  /** Makes the change in the one file that has the line. */
  change(diff: string): string {
    const [, removed = ''] = /^-(.*)$/m.exec(diff) ?? [];
    const [, added = ''] = /^\+(.*)$/m.exec(diff) ?? [];
    const folder = join(this.#folder, EXAMPLE);
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
    const paths = files
      .map((file) => join(folder, file))
      .filter((path) => readFileSync(path, 'utf8').includes(removed));
    const [path] = paths;
    if (path === undefined || paths.length > 1) throw new Error(`${paths.length} files have the line ${removed}`);
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace(removed, () => added),
    );
    return diff;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dev?.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #develop(command: string, lines: number): Promise<string> {
    this.#dev = new Following(this.#start(command, { GUILDWIRE_PORT: '0' }));
    const said = await this.#dev.take(lines);
    [this.#url = ''] = /http:\/\/[\d.:]+/.exec(said) ?? [];
    return said.replaceAll(this.#url, 'http://127.0.0.1:4100');
  }

  async #ask(command: string): Promise<string> {
    const child = this.#start(this.#now(command), { GUILDWIRE_URL: this.#url });
    let said = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await once(child, 'close');
    return said;
  }

  /** In a shell, as a person would, with both outputs in one stream, as on a terminal. */
  #start(command: string, env: Readonly<Record<string, string>>): ChildProcess {
    const program = `"${process.execPath}" --conditions=guildwire-source "${join(root, 'bin/guildwire.ts')}"`;
    const line = command.replace('$ npx guildwire', () => `exec ${program}`);
    const outer = Object.entries(process.env).filter(([name]) => !/^(?:GUILDWIRE_|NODE_OPTIONS$)/.test(name));
    return spawn('sh', ['-c', `${line} 2>&1`], {
      cwd: this.#folder,
      env: { ...Object.fromEntries(outer), ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  #learn(before: string, now: string): void {
    const given = now.match(ID) ?? [];
    for (const [index, id] of (before.match(ID) ?? []).entries()) {
      const newer = given[index];
      if (newer !== undefined && !this.#ids.has(id)) this.#ids.set(id, newer);
    }
  }

  #now(command: string): string {
    return command.replaceAll(ID, (id) => this.#ids.get(id) ?? id);
  }
}

/** A process that goes on, and what it said. */
class Following {
  readonly #child: ChildProcess;
  #said = '';
  #taken = 0;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
  }

  /** The next lines that it says. */
  async take(lines: number): Promise<string> {
    const signal = AbortSignal.timeout(TIME_LIMIT_MS);
    for (;;) {
      const found = this.#said.slice(this.#taken).split('\n').slice(0, -1);
      if (found.length >= lines) {
        const text = `${found.slice(0, lines).join('\n')}\n`;
        this.#taken += text.length;
        return text;
      }
      await once(this.#child.stdout as NodeJS.ReadableStream, 'data', { signal }).catch(() => {
        throw new Error(`${lines} more lines were awaited, and these came:\n${found.join('\n')}`);
      });
    }
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'close');
    this.#child.kill('SIGINT');
    await ended;
  }
}

if (process.argv[1] === import.meta.filename) {
  const path = join(root, 'README.md');
  let readme = readFileSync(path, 'utf8');
  const blocks = blocksOf(readme);
  const texts = await walkThrough(blocks);
  const [before, now] = [normalized(blocks.map(({ text }) => text)), normalized(texts)];
  const changed = now.filter((text, index) => text !== before[index]).length;
  if (changed > 0) {
    for (const [index, { at, text }] of [...blocks.entries()].reverse())
      readme = readme.slice(0, at) + texts[index] + readme.slice(at + text.length);
    writeFileSync(path, readme);
  }
  console.log(`${changed} of ${blocks.length} blocks of README.md changed`);
}
