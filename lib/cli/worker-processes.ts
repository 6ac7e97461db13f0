/** @module Each agent of a guild in a process of its own, started and ended by this one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Log } from '../bus/log.ts';
import { GuildwireError } from '../core/errors.ts';
import { childEnvironment } from '../environment/child-environment.ts';
import type { Io } from './io.ts';

export interface WorkerProcessesOptions {
  /** The guild file. */
  readonly file: string;
  readonly agents: readonly string[];
  /** May hold a password: it is handed on by a variable, which nobody else on the machine sees. */
  readonly backend: string;
  readonly namespace: string;
  readonly log: Log;
  readonly io: Io;
}

/** The process of an agent could not start, or ended by itself. */
export class WorkerProcessError extends GuildwireError {
  /** That of the error with which the process ended, so that the exit code is the same. */
  readonly code: string;
  readonly retryable: boolean;

  constructor(agent: string, { code, message, retryable }: Told) {
    super(`the process of ${agent}: ${message}`);
    this.code = code;
    this.retryable = retryable;
  }
}

interface Told {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

const DRAIN_MS = 5_000;
/** How much longer than its drain a process may take to end. */
const MARGIN_MS = 5_000;
const PROGRAM = join(import.meta.dirname, `main${extname(import.meta.filename)}`);

export class WorkerProcesses implements AsyncDisposable {
  readonly #options: WorkerProcessesOptions;
  readonly #failing = new AbortController();
  readonly #processes: readonly { readonly child: ChildProcess; readonly ended: Promise<void> }[];
  readonly #atWork: Promise<unknown>;
  #isEnding = false;

  private constructor(options: WorkerProcessesOptions) {
    this.#options = options;
    const started = options.agents.map((agent) => this.#start(agent));
    this.#processes = started;
    this.#atWork = Promise.all(started.map(({ atWork }) => atWork));
    process.on('exit', this.#killAll);
  }

  /**
   * Resolves when the agents of all processes are at work.
   *
   * @throws WorkerProcessError with what keeps one from starting; the others are ended.
   */
  static async start(options: WorkerProcessesOptions): Promise<WorkerProcesses> {
    const processes = new WorkerProcesses(options);
    const { promise, reject } = Promise.withResolvers<never>();
    const signal = AbortSignal.any([processes.failing, options.io.signal]);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    try {
      await Promise.race([processes.#atWork, promise]);
      return processes;
    } catch (error) {
      await processes[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Aborts with a WorkerProcessError when one ends by itself. */
  get failing(): AbortSignal {
    return this.#failing.signal;
  }

  /** Lets what runs finish, for a few seconds; resolves when all processes are gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    for (const { child } of this.#processes) child.kill('SIGTERM');
    const timer = setTimeout(this.#killAll, DRAIN_MS + MARGIN_MS);
    await Promise.all(this.#processes.map(({ ended }) => ended));
    clearTimeout(timer);
    process.off('exit', this.#killAll);
  }

  readonly #killAll = (): void => {
    for (const { child } of this.#processes) child.kill('SIGKILL');
  };

  #start(agent: string) {
    const { file, backend, namespace, io } = this.#options;
    const args = ['worker', file, '--agents', agent, '--json', '--drain', String(DRAIN_MS)];
    const child = spawn(process.execPath, [...process.execArgv, PROGRAM, ...args], {
      env: childEnvironment({ GUILDWIRE_BACKEND: backend, GUILDWIRE_NAMESPACE: namespace, GUILDWIRE_PORT: undefined }),
      // By the channel a process notices when this one is gone, whatever ended it.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Ctrl-C is for this process, which ends the others in its own time.
      detached: true,
    });
    const atWork = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    let fault: Told | undefined;
    if (child.stdout !== null)
      createInterface({ input: child.stdout }).on('line', (line) => {
        // What agents print themselves is printed, as it is where they run in one process.
        if (parsed(line)?.worker === undefined) io.line(line);
        else atWork.resolve();
      });
    if (child.stderr !== null)
      createInterface({ input: child.stderr }).on('line', (line) => {
        fault = this.#heard(line) ?? fault;
      });
    child.once('error', (error) => {
      fault = { code: 'PROCESS_FAILED', message: `it cannot be started (${error.message})`, retryable: false };
    });
    child.once('close', (code, signal) => {
      ended.resolve();
      if (this.#isEnding) return;
      const message = `it ended by itself (${signal ?? `exit code ${code}`})`;
      this.#failing.abort(new WorkerProcessError(agent, fault ?? { code: 'PROCESS_ENDED', message, retryable: false }));
    });
    return { child, atWork: atWork.promise, ended: ended.promise };
  }

  /** Hands on what a process says; gives the error with which it ends. */
  #heard(line: string): Told | undefined {
    const { log, io } = this.#options;
    const said = parsed(line);
    if (said?.error !== undefined && said.level === undefined) return said.error as Told;
    const { level, text, ...data } = said ?? {};
    if (typeof text !== 'string') io.warn(line);
    // That the store is lost is told once, and not by each process.
    else if (data.connection === undefined) (log[level as keyof Log] ?? log.info)(text, data);
    return undefined;
  }
}

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
