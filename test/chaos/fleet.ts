import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(import.meta.dirname, '../..');
const GUILD = join(import.meta.dirname, 'guild.ts');

interface Worker {
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
  isAtWork: boolean;
}

/** Worker processes of the command line; one that ends for whatever reason is started again, as something that runs services does. */
export class Fleet implements AsyncDisposable {
  /** How often what was said or happened. */
  readonly counts = { started: 0, killed: 0, gaveUpAtStart: 0, lost: 0, back: 0, hadNoEffect: 0, gotOver: 0 };
  /** What workers said that is none of the expected, first. */
  readonly surprises: string[] = [];
  readonly #args: readonly string[];
  readonly #folder: string;
  readonly #workers: Worker[];
  #frozen: Worker | undefined;
  #isOver = false;

  /** @param folder Where they run, with the configuration that they read. */
  constructor(size: number, backend: string, folder: string) {
    this.#args = ['--conditions=guildwire-source', join(root, 'bin/guildwire.ts'), 'worker', GUILD, '--json'];
    this.#args = [...this.#args, '--backend', backend, '--drain', '2000'];
    this.#folder = folder;
    this.#workers = Array.from({ length: size }, (_, index) => this.#start(index));
  }

  get atWork(): number {
    return this.#workers.filter(({ isAtWork }) => isAtWork).length;
  }

  /** Kills the one of this number as it stands. */
  kill(index: number): void {
    const worker = this.#workers[index];
    if (this.#frozen !== worker && worker?.child.kill('SIGKILL')) this.counts.killed++;
  }

  /** Stops the one of this number in all that it does; it knows nothing of it. Undone by `thaw`. */
  freeze(index: number): void {
    this.#frozen = this.#workers[index];
    this.#frozen?.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#frozen?.child.kill('SIGCONT');
    this.#frozen = undefined;
  }

  /** Ends all as somebody does who means well: nothing may be left half done. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    for (const { child } of this.#workers) child.kill('SIGTERM');
    await Promise.all(this.#workers.map(({ ended }) => ended));
  }

  #start(index: number): Worker {
    const child = spawn(process.execPath, this.#args, { cwd: this.#folder, stdio: ['ignore', 'pipe', 'pipe'] });
    this.counts.started++;
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const worker: Worker = { child, ended, isAtWork: false };
    createInterface({ input: child.stdout }).on('line', () => {
      worker.isAtWork = true;
    });
    createInterface({ input: child.stderr }).on('line', (line) => this.#heard(line));
    child.once('close', (code, signal) => {
      worker.isAtWork = false;
      if (code !== 0 && signal === null) this.counts.gaveUpAtStart++;
      if (!this.#isOver) this.#workers[index] = this.#start(index);
      resolve();
    });
    return worker;
  }

  #heard(line: string): void {
    if (line.includes('"connection":"lost"')) this.counts.lost++;
    else if (line.includes('"connection":"back"')) this.counts.back++;
    else if (/had no effect|was ended|was not started/.test(line)) this.counts.hadNoEffect++;
    else if (line.includes('BACKEND_UNAVAILABLE') || /attempt \d+ of \d+ failed/.test(line)) this.counts.gotOver++;
    else if (this.surprises.length < 20) this.surprises.push(line);
  }
}
