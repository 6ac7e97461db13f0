/** @module Lambda's Runtime API: where the processes of all functions ask for invocations and answer them. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { readText, type Served, serveLocally } from '../serve-locally.ts';
import type { ExecutionEnvironment } from './execution-environment.ts';

export class RuntimeApi implements AsyncDisposable {
  readonly #environments = new Map<string, ExecutionEnvironment>();
  #server: Served | undefined;

  async listen(): Promise<void> {
    this.#server = await serveLocally((request, response) => this.#answer(request, response));
  }

  /** The value of `AWS_LAMBDA_RUNTIME_API` for a process, under which it is known. */
  newAddress(): string {
    return `${this.#server?.url.replace('http://', '')}/${randomUUID()}`;
  }

  register(address: string, environment: ExecutionEnvironment): void {
    this.#environments.set(address.split('/')[1] ?? '', environment);
  }

  forget(address: string): void {
    this.#environments.delete(address.split('/')[1] ?? '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, id = '', , , ...rest] = (request.url ?? '').split('/');
    const environment = this.#environments.get(id);
    if (environment === undefined) return void response.writeHead(404).end();
    if (rest.join('/') === 'invocation/next') return environment.next(response);
    const body = await readText(request);
    const [what, requestId = '', how] = rest;
    if (what === 'init') environment.initFailed(body);
    else if (how === 'response') environment.answered(requestId, body, undefined);
    else environment.answered(requestId, body, 'Unhandled');
    response.writeHead(202).end();
  }
}
