import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const PROGRAM = join(root, 'bin/guildwire.ts');
const BATCH = join(import.meta.dirname, 'batch.ts');

export interface Ended {
  /** Undefined if it was killed. */
  readonly code: number | undefined;
  readonly out: string;
  readonly err: string;
}

export interface Surroundings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input, which is closed behind it; kept open for `Cli.write` if undefined. */
  readonly input?: string | Buffer;
}

/** The command line as a process. Waits for what it says, and never for a time. */
export class Cli implements AsyncDisposable {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #texts = { out: '', err: '' };
  #read = { out: 0, err: 0 };
  #isOver = false;
  #news = Promise.withResolvers<void>();

  constructor(args: readonly string[], { cwd = root, env = {}, input }: Surroundings = {}, program = PROGRAM) {
    const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GUILDWIRE_')));
    const command = ['--conditions=guildwire-source', program, ...args];
    this.#child = spawn(process.execPath, command, { cwd, env: { ...own, ...env } });
    for (const [name, stream] of [
      ['out', this.#child.stdout],
      ['err', this.#child.stderr],
    ] as const) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#texts[name] += text;
        this.#wake();
      });
    }
    this.#child.stdin.on('error', () => {});
    if (input !== undefined) this.#child.stdin.end(input);
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (code) => {
        this.#isOver = true;
        this.#wake();
        resolve({ code: code ?? undefined, ...this.#texts });
      });
    });
  }

  /** The next line that matches, of those that were not waited for before. Throws if the process ends without it. */
  async line(pattern: RegExp, stream: 'out' | 'err' = 'out'): Promise<string> {
    for (;;) {
      const text = this.#texts[stream];
      for (let from = this.#read[stream], end = text.indexOf('\n', from); end >= 0; end = text.indexOf('\n', from)) {
        const line = text.slice(from, end);
        from = end + 1;
        this.#read = { ...this.#read, [stream]: from };
        if (pattern.test(line)) return line;
      }
      if (this.#isOver) throw new Error(`ended without ${pattern}:\n${this.#texts.out}\n${this.#texts.err}`);
      await this.#news.promise;
    }
  }

  #wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  write(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Nobody reads standard output any more, as behind `head`. */
  stopReading(): void {
    this.#child.stdout.destroy();
  }

  signal(name: 'SIGINT' | 'SIGKILL' | 'SIGTERM'): void {
    this.#child.kill(name);
  }

  /** Ctrl-C, and how it ends. */
  interrupt(): Promise<Ended> {
    this.signal('SIGINT');
    return this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) this.signal('SIGKILL');
    await this.ended;
  }
}

/** A command from its beginning to its end, with nothing on standard input. */
export function guildwire(args: readonly string[], surroundings: Surroundings = {}): Promise<Ended> {
  return new Cli(args, { input: '', ...surroundings }).ended;
}

/** Commands, one after the other, in one process; with variables of their own where they come as a pair. */
export async function guildwireEach(commands: readonly Command[], surroundings: Surroundings = {}): Promise<Ended[]> {
  const given = commands.map((command) => ('args' in command ? command : { args: command, env: {} }));
  await using cli = new Cli([JSON.stringify(given)], { input: '', ...surroundings }, BATCH);
  const { code, out, err } = await cli.ended;
  if (code !== 0) throw new Error(`the commands ended with ${code}:\n${out}\n${err}`);
  return JSON.parse(out);
}

type Command = readonly string[] | { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> };

export interface DevServer extends AsyncDisposable {
  readonly cli: Cli;
  readonly url: string;
  /** A command that talks to this server. */
  readonly ask: (...args: readonly string[]) => Promise<Ended>;
  /** Several, one after the other. */
  readonly askEach: (...commands: readonly (readonly string[])[]) => Promise<readonly Ended[]>;
}

/** `guildwire dev` on a free port; resolves when it listens. */
export async function startDev(args: readonly string[], surroundings: Surroundings = {}): Promise<DevServer> {
  const cli = new Cli(['dev', '--port', '0', ...args], { input: '', ...surroundings });
  const [url = ''] = /http:\/\/[\d.:]+/.exec(await cli.line(/http:\/\//)) ?? [];
  const env = { ...surroundings.env, GUILDWIRE_URL: url };
  const ask = (...asked: readonly string[]) => guildwire(asked, { ...surroundings, env });
  const askEach = (...commands: readonly (readonly string[])[]) => guildwireEach(commands, { ...surroundings, env });
  return { cli, url, ask, askEach, [Symbol.asyncDispose]: () => cli[Symbol.asyncDispose]() };
}

/** A folder of a user's, with this package and zod installed; gone when disposed of. */
export class Project implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'guildwire-project-'));

  constructor(files: Readonly<Record<string, string>> = {}) {
    mkdirSync(join(this.folder, 'node_modules'));
    symlinkSync(root, join(this.folder, 'node_modules/guildwire'), 'dir');
    symlinkSync(join(root, 'node_modules/zod'), join(this.folder, 'node_modules/zod'), 'dir');
    this.write('package.json', '{ "name": "project", "type": "module" }');
    for (const [name, text] of Object.entries(files)) this.write(name, text);
  }

  /** A copy of one of the examples. */
  static of(example: string): Project {
    const project = new Project();
    cpSync(join(root, 'examples', example), project.folder, { recursive: true });
    return project;
  }

  write(name: string, text: string): void {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
