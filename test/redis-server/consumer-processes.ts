import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A process that runs `consumer-process.ts`. */
export class ConsumerProcess implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();

  private constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stdout === null) throw new Error('the process has no output');
    createInterface(child.stdout).on('line', (line) => {
      this.lines.push(line);
      for (const wake of this.#waiting) wake();
    });
  }

  /** Resolves when it is at work. */
  static async start(url: string, namespace: string, skewMs = 0): Promise<ConsumerProcess> {
    const program = join(import.meta.dirname, 'consumer-process.ts');
    const args = ['--conditions=guildwire-source', program, url, namespace, `${skewMs}`];
    const consumer = new ConsumerProcess(spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] }));
    await consumer.said(1);
    return consumer;
  }

  /** Resolves when it has said that many lines, of which the first is that it is at work. */
  async said(count: number): Promise<void> {
    while (this.lines.length < count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      this.#child.once('exit', resolve);
      await promise;
      this.#waiting.delete(resolve);
      if (this.#child.exitCode !== null) throw new Error(`the process ended with ${this.#child.exitCode}`);
    }
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill(signal);
    await gone;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end('SIGTERM');
  }
}
