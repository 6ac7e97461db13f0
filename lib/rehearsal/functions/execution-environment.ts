/** @module One process of one function: started, given one invocation after the other, killed when its time is up. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { killGroup, type Reaper } from '../reaper.ts';
import type { FunctionDefinition } from './function-definition.ts';
import { type FunctionLogs, readLines } from './function-logs.ts';
import { failurePayload, type Invocation, type InvocationResult } from './invocation.ts';
import { runtimeScript } from './runtime-script.ts';

/** Lambda gives a process ten seconds to start; what comes on top allows for a busy machine. */
const INIT_MS = 10_000 + 20_000;
/** Node.js gets this share of a function's memory for objects, as on Lambda. */
const HEAP_SHARE = 0.9;
/** For so long what a process printed is still read when it is gone. */
const OUTPUT_MS = 1_000;

type Ending = Pick<InvocationResult, 'payload' | 'functionError'>;

interface Running {
  readonly invocation: Invocation;
  /** When the process got it; until then, when it was given to the environment. */
  startedAt: number;
  readonly end: (ending: Ending) => void;
  /** The process has got it, and gets it no second time while its log is still being read. */
  isHanded: boolean;
  /** Streams of the log that have been read to the invocation's end. */
  logsRead: number;
  ending: Ending | undefined;
}

const failure = (payload: string): Ending => ({ payload, functionError: 'Unhandled' });

export class ExecutionEnvironment {
  readonly #definition: FunctionDefinition;
  readonly #logs: FunctionLogs;
  readonly #child: ChildProcess;
  readonly #startedAt = performance.now();
  /** The process has asked for work and gets it here. */
  #asking: ServerResponse | undefined;
  #running: Running | undefined;
  #initMs: number | undefined;
  #initError: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isKilled = false;
  /** Resolves when the process is gone and everything that it printed has been read. */
  readonly closed: Promise<void>;

  /** @param variables Its environment, with the address at which it asks for invocations. */
  constructor(definition: FunctionDefinition, variables: Record<string, string>, reaper: Reaper, logs: FunctionLogs) {
    this.#definition = definition;
    this.#logs = logs;
    const heap = `--max-old-space-size=${Math.floor(definition.memoryMb * HEAP_SHARE)}`;
    this.#child = spawn(process.execPath, [heap, '--input-type=module', '-e', runtimeScript], {
      cwd: definition.taskRoot,
      env: variables,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    reaper.watch(this.#child, { detached: true });
    this.#child.once('exit', () => this.#letGo());
    this.closed = once(this.#child, 'close').then(
      () => undefined,
      () => undefined,
    );
    for (const stream of [this.#child.stdout, this.#child.stderr])
      if (stream !== null)
        readLines(
          stream,
          (text, requestId) => this.#log(text, requestId),
          (id) => this.#logRead(id),
        );
    this.#child.once('error', ({ message }) => this.#ended(message));
    this.#child.once('close', (code, signal) =>
      this.#ended(signal === null ? `exit status ${code}` : `signal: ${signal === 'SIGKILL' ? 'killed' : signal}`),
    );
  }

  get alive(): boolean {
    const { pid, exitCode, signalCode } = this.#child;
    return pid !== undefined && exitCode === null && signalCode === null && !this.#isKilled;
  }

  /** Runs one invocation; the process must be alive and have none. Resolves however it ends. */
  async invoke(invocation: Invocation): Promise<InvocationResult> {
    const { promise, resolve } = Promise.withResolvers<Ending>();
    const cold = this.#initMs === undefined;
    const startedAt = performance.now();
    const running = { invocation, startedAt, end: resolve, isHanded: false, logsRead: 0, ending: undefined };
    this.#running = running;
    const [what, ms] = cold ? (['Init', INIT_MS] as const) : (['Task', this.#definition.timeoutMs] as const);
    this.#timer = setTimeout(() => this.#timeUp(what, ms), ms);
    this.#hand();
    const ending = await promise;
    clearTimeout(this.#timer);
    this.#running = undefined;
    const durationMs = performance.now() - running.startedAt;
    const result = { ...ending, requestId: invocation.requestId, durationMs, initMs: cold ? this.#initMs : undefined };
    this.#report(result);
    return result;
  }

  /** The process asks for an invocation. */
  next(response: ServerResponse): void {
    this.#initMs ??= performance.now() - this.#startedAt;
    this.#asking = response;
    this.#hand();
  }

  /** The process says how the invocation went. An answer to an earlier one is not heard. */
  answered(requestId: string, payload: string, functionError: 'Unhandled' | undefined): void {
    const running = this.#running;
    if (running?.invocation.requestId !== requestId) return;
    running.ending = { payload, functionError };
    if (running.logsRead >= 2) running.end(running.ending);
  }

  /** The process could not load its handler; it ends of itself. */
  initFailed(payload: string): void {
    this.#initError = payload;
  }

  /** At once, as by SIGKILL; a running invocation fails. */
  async kill(): Promise<void> {
    this.#kill();
    await this.closed;
  }

  #kill(): void {
    this.#isKilled = true;
    killGroup(this.#child);
  }

  /** What it has started ends with it, as on Lambda, and would hold its output open; so does what has left its group. */
  #letGo(): void {
    const { stdout, stderr } = this.#child;
    killGroup(this.#child);
    const timer = setTimeout(() => {
      for (const stream of [stdout, stderr]) stream?.destroy();
    }, OUTPUT_MS);
    this.#child.once('close', () => clearTimeout(timer));
  }

  #hand(): void {
    const { name, arn, timeoutMs } = this.#definition;
    const response = this.#asking;
    const running = this.#running;
    if (response === undefined || running === undefined || running.isHanded) return;
    this.#asking = undefined;
    running.isHanded = true;
    running.startedAt = performance.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#timeUp('Task', timeoutMs), timeoutMs);
    this.#log(`START RequestId: ${running.invocation.requestId} Version: $LATEST`, running.invocation.requestId);
    response.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': running.invocation.requestId,
      'lambda-runtime-deadline-ms': `${Date.now() + timeoutMs}`,
      'lambda-runtime-invoked-function-arn': arn,
      'lambda-runtime-trace-id': `Root=1-00000000-${name.length.toString(16).padStart(24, '0')};Sampled=0`,
    });
    response.end(running.invocation.payload);
  }

  #timeUp(what: string, ms: number): void {
    const running = this.#running;
    if (running === undefined) return;
    const text = `${what} timed out after ${(ms / 1000).toFixed(2)} seconds`;
    this.#log(text, running.invocation.requestId);
    this.#kill();
    running.end(failure(failurePayload('Sandbox.Timedout', running.invocation.requestId, text)));
  }

  #ended(how: string): void {
    const running = this.#running;
    if (running === undefined) return;
    const text = `Runtime exited with error: ${how}`;
    const { requestId } = running.invocation;
    // What it said itself, of a handler that cannot be loaded, is among its lines already.
    if (running.ending === undefined && this.#initError === undefined)
      this.#log(`RequestId: ${requestId} Error: ${text}`, requestId);
    const lost = this.#initError ?? failurePayload('Runtime.ExitError', requestId, text);
    running.end(running.ending ?? failure(lost));
  }

  #logRead(requestId: string): void {
    const running = this.#running;
    if (running?.invocation.requestId !== requestId) return;
    running.logsRead++;
    if (running.logsRead >= 2 && running.ending !== undefined) running.end(running.ending);
  }

  #log(text: string, requestId: string | undefined): void {
    this.#logs.add({ functionName: this.#definition.name, requestId, text });
  }

  #report({ requestId, durationMs, initMs }: InvocationResult): void {
    const init = initMs === undefined ? '' : ` Init Duration: ${initMs.toFixed(2)} ms`;
    this.#log(`REPORT RequestId: ${requestId} Duration: ${durationMs.toFixed(2)} ms${init}`, requestId);
  }
}
