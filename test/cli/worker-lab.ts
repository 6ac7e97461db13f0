import { genericJson, openBackend, openBus } from 'guildwire';
import { Cli, Project } from './cli.ts';

/** What is left to do when a process is told to end. */
const WORK_MS = 300;

/**
 * One agent, one delivery at a time. What a message asks for: to be answered at once, some work after the process is told to
 * end, or never by the first process that gets it.
 */
const guildOf = (timeoutMs: number) => `
  import { setTimeout } from 'node:timers/promises';
  import { existsSync, readFileSync, writeFileSync } from 'node:fs';
  import { defineAgent, defineGuild, genericJson } from 'guildwire';
  const isFirst = (file) => {
    if (!existsSync(file)) writeFileSync(file, String(process.pid));
    return readFileSync(file, 'utf8') === String(process.pid);
  };
  const clerk = defineAgent({
    name: 'clerk', entry: import.meta.url, subscribes: ['tasks'], publishes: ['done'], concurrency: 1,
    timeoutMs: ${timeoutMs},
    handlers: (on) => [on.any(async ({ until, n }, context) => {
      // Before it is told, since a test may kill the process as soon as it hears of it.
      const hangs = until === 'taken over' && isFirst('taken-' + n);
      context.log.info('began ' + n, { pid: process.pid });
      if (until === 'told to end') {
        await new Promise((resolve) => process.once('SIGTERM', resolve));
        await setTimeout(${WORK_MS});
      }
      if (hangs) await new Promise(() => setInterval(() => {}, 1_000));
      context.publish('done', genericJson, { n, pid: process.pid });
    })],
  });
  export default defineGuild({ name: 'office', agents: [clerk] });`;

export interface Done {
  readonly n: number;
  readonly pid: number;
}

/** A guild in a folder, a namespace of its own on a server, and what is said there. */
export class Office implements AsyncDisposable {
  readonly project: Project;
  readonly namespace: string;
  readonly url: string;
  readonly #stack = new AsyncDisposableStack();
  readonly #backend: Promise<Awaited<ReturnType<typeof openBackend>>>;

  /** @param timeoutMs Of the agent; a lease is 10 s longer, and at most 30 s. */
  constructor(url: string, namespace: string, timeoutMs = 60_000) {
    this.project = new Project({ 'guild.ts': guildOf(timeoutMs) });
    this.url = url;
    this.namespace = namespace;
    this.#stack.use(this.project);
    this.#backend = openBackend(url);
  }

  /** A worker that is at work, with what it said of itself. */
  async worker(...flags: readonly string[]): Promise<{ readonly cli: Cli; readonly said: WorkerGreeting }> {
    const args = ['worker', 'guild.ts', '--backend', this.url, '--namespace', this.namespace, '--json', ...flags];
    const cli = this.#stack.use(new Cli(args, { cwd: this.project.folder, input: '' }));
    return { cli, said: JSON.parse(await cli.line(/"worker"/)) };
  }

  async publish(n: number, until = 'done'): Promise<void> {
    const bus = openBus(await this.#backend, { namespace: this.namespace, sender: 'user:test' });
    await bus.publish('tasks', genericJson, { n, until });
  }

  /** The first so many that were handled, in the order in which they were. */
  async done(count: number): Promise<readonly Done[]> {
    const bus = openBus(await this.#backend, { namespace: this.namespace, sender: 'user:test' });
    const done: Done[] = [];
    for await (const { payload } of bus.tail({ topic: 'done', since: 0 })) {
      done.push(payload as never);
      if (done.length === count) break;
    }
    return done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#backend)[Symbol.asyncDispose]();
    await this.#stack[Symbol.asyncDispose]();
  }
}

export interface WorkerGreeting {
  readonly worker: string;
  readonly agents: readonly string[];
  readonly namespace: string;
  readonly backend: string;
  readonly url?: string;
}
