import {
  type Backend,
  defineAgent,
  defineFormat,
  defineGuild,
  type Guild,
  type Json,
  MemoryBackend,
  type MemoryOptions,
  type Message,
  type RunningGuild,
  startGuild,
} from 'guildwire';
import {
  createHttpApp,
  type HttpApp,
  type HttpAppOptions,
  type MeteredBackend,
  metered,
  type Problem,
} from 'guildwire/http';
import { seededRandom, VirtualClock } from 'guildwire/testing';
import * as z from 'zod';
import { borrowed, RecordedLog } from '../guild/lab.ts';

export const NS = '/v1/namespaces/default';

export const Task = defineFormat('doc.task', z.object({ text: z.string(), line: z.int().default(1) }), { version: 2 });
export const Result = defineFormat('doc.result', z.object({ text: z.string() }));

/** Answers what it can, and fails on what says "bad". */
export const worker = defineAgent({
  name: 'worker',
  entry: import.meta.url,
  subscribes: ['doc.tasks'],
  publishes: ['doc.results'],
  retry: { attempts: 2, baseMs: 0, maxMs: 0 },
  handlers: (on) => [
    on(Task, ({ text }, context) => {
      if (text.startsWith('bad')) throw new TypeError('cannot do that');
      context.publish('doc.results', Result, { text: text.toUpperCase() });
    }),
  ],
});
export const reader = defineAgent({
  name: 'reader',
  entry: import.meta.url,
  subscribes: ['doc.*'],
  handlers: (on) => [on(Result, () => {})],
});
export const docGuild = defineGuild({
  name: 'doc',
  agents: [worker, reader],
  topics: { 'doc.**': {}, 'strict.*': { formats: [Result] } },
});

export interface Answered<T = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

type LabOptions = Partial<Omit<HttpAppOptions, 'backend'>> & {
  readonly memory?: MemoryOptions;
  readonly wrap?: (backend: Backend) => Backend;
};

/** An app on a memory backend in virtual time. */
export class HttpLab implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly log = new RecordedLog();
  readonly backend: MeteredBackend;
  readonly app: HttpApp;
  readonly #running: RunningGuild[] = [];

  constructor({ memory, wrap = (backend) => backend, ...options }: LabOptions = {}) {
    const { clock, log } = this;
    const inner = new MemoryBackend({ random: seededRandom(1), ...memory, clock });
    this.backend = metered(inner, undefined, clock);
    this.app = createHttpApp({ backend: wrap(this.backend), clock, log, ...options });
  }

  async start(guild: Guild = docGuild, namespace = 'default'): Promise<RunningGuild> {
    const { clock, log } = this;
    const running = await startGuild(guild, { backend: () => borrowed(this.backend), namespace, clock, log });
    this.#running.push(running);
    return running;
  }

  async ask<T = Json>(path: string, init?: RequestInit): Promise<Answered<T>> {
    const response = await this.app.request(path, init);
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as T };
  }

  post<T = Json>(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answered<T>> {
    const init = {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    };
    return this.ask(path, init);
  }

  /** Publishes one message, and gives its id. */
  async publish(topic: string, payload: Json, options: object = {}): Promise<string> {
    const { status, body } = await this.post<{ id: string }>(`${NS}/topics/${topic}/messages`, { payload, ...options });
    if (status !== 202) throw new Error(JSON.stringify(body));
    return body.id;
  }

  /** What is refused, and how. */
  async refused(path: string, init?: RequestInit): Promise<Problem> {
    return (await this.ask<Problem>(path, init)).body;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app.close();
    const drained = Promise.all(this.#running.map((running) => running.drain(0)));
    await this.clock.advance(0);
    await drained;
    await this.backend[Symbol.asyncDispose]();
  }
}

export const fieldsOf = ({ faults = [] }: Problem): readonly string[] => faults.map(({ field }) => field);
export const payloadsOf = (page: { readonly items: readonly Message[] }): readonly Json[] =>
  page.items.map(({ payload }) => payload);
export interface PageBody {
  readonly items: readonly Message[];
  readonly next?: string;
}

/** Reads a stream of events as a client does. */
export class EventReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = '';

  constructor(response: Response) {
    if (response.body === null) throw new Error('there is no body');
    this.#reader = response.body.getReader();
  }

  /** The next block, such as an event or a comment; undefined at the end. */
  async next(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end >= 0) {
        const block = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return block;
      }
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  /** The next `count` messages; heartbeats are passed over. */
  async messages(count: number): Promise<readonly { readonly id: string; readonly message: Message }[]> {
    const found: { id: string; message: Message }[] = [];
    while (found.length < count) {
      const block = await this.next();
      if (block === undefined) throw new Error(`the stream ended after ${found.length} messages`);
      const [, id, data] = /^id: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (id !== undefined && data !== undefined) found.push({ id, message: JSON.parse(data) as Message });
    }
    return found;
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}
