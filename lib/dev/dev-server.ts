/** @module The HTTP API of a guild that is developed: one address, whose app is replaced with the guild. */
import type { Backend } from '../backends/backend.ts';
import type { Log } from '../bus/log.ts';
import type { Guild } from '../guild/define-guild.ts';
import { type HttpServer, serveHttp } from '../hosts/node/serve-http.ts';
import { bearerToken } from '../http/authenticate.ts';
import { createHttpApp } from '../http/create-http-app.ts';
import type { HttpApp } from '../http/http-app.ts';

export interface DevServerOptions {
  readonly backend: Backend;
  readonly guild: Guild;
  readonly namespace: string;
  readonly host: string;
  readonly port: number;
  readonly origins: readonly string[];
  /** Who has it may do everything; without one only this machine can ask. */
  readonly token: string | undefined;
  readonly log: Log;
}

export class DevServer implements AsyncDisposable {
  readonly #options: DevServerOptions;
  #apps: readonly HttpApp[] = [];
  #server: HttpServer | undefined;

  private constructor(options: DevServerOptions) {
    this.#options = options;
  }

  /** @throws OpenAccessError, ListenError */
  static async open(options: DevServerOptions): Promise<DevServer> {
    const dev = new DevServer(options);
    dev.use(options.guild);
    dev.#server = await serveHttp(dev.#current(), { host: options.host, port: options.port });
    return dev;
  }

  get url(): string {
    return (this.#server as HttpServer).url;
  }

  /** From now on requests are about this guild; streams that are open go on. */
  use(guild: Guild): void {
    const { backend, namespace, origins, token, log } = this.#options;
    const authenticate = token === undefined ? {} : { authenticate: bearerToken(token) };
    const app = createHttpApp({ backend, guild, origins, namespaces: [namespace], log, ...authenticate });
    this.#apps = [...this.#apps.filter(({ openStreams }) => openStreams > 0), app];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#apps.map((app) => app.close()));
    await this.#server?.close(1_000);
  }

  /** Whatever app there is when a request comes. */
  #current(): HttpApp {
    const newest = () => this.#apps.at(-1) as HttpApp;
    return {
      fetch: (request, host) => newest().fetch(request, host),
      request: (path, init) => newest().request(path, init),
      close: () => newest().close(),
      get isOpen() {
        return newest().isOpen;
      },
      get openStreams() {
        return newest().openStreams;
      },
    };
  }
}
