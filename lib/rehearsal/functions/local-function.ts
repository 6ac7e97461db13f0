/** @module One function: as many processes as it needs and may have, and what waits for one. */
import { randomUUID } from 'node:crypto';
import type { Reaper } from '../reaper.ts';
import { ExecutionEnvironment } from './execution-environment.ts';
import type { FunctionDefinition } from './function-definition.ts';
import { type CloudAddresses, environmentOf } from './function-environment.ts';
import type { FunctionLogs } from './function-logs.ts';
import { type EndedInvocation, failurePayload, type Invocation, type InvocationResult } from './invocation.ts';
import type { RuntimeApi } from './runtime-api.ts';

/** Lambda takes and gives six megabytes. */
export const MAX_PAYLOAD_BYTES = 6 * 1024 * 1024;

export interface FunctionCounts {
  invocations: number;
  /** Invocations that threw, ran out of time, or lost their process. */
  errors: number;
  coldStarts: number;
  /** Of each cold start, from the start of the process until it asked for its first invocation. */
  readonly initMs: number[];
}

export interface FunctionHost {
  readonly runtimeApi: RuntimeApi;
  readonly reaper: Reaper;
  readonly logs: FunctionLogs;
  readonly cloud: CloudAddresses;
  /** Signs the calls of a function's SDK; the access key tells whose calls they are. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** No process is started any more. */
  readonly stopped: AbortSignal;
  /** Processes of a function for which nothing is reserved. */
  readonly maxEnvironments: number;
  /** Hears of each invocation that has ended. */
  readonly onInvocation?: ((ended: EndedInvocation) => void) | undefined;
}

export class LocalFunction {
  readonly definition: FunctionDefinition;
  readonly counts: FunctionCounts = { invocations: 0, errors: 0, coldStarts: 0, initMs: [] };
  readonly #host: FunctionHost;
  readonly #environments = new Set<ExecutionEnvironment>();
  readonly #idle: ExecutionEnvironment[] = [];
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(definition: FunctionDefinition, host: FunctionHost) {
    this.definition = definition;
    this.#host = host;
  }

  /** Invocations that run or wait for a process. */
  get busy(): number {
    return this.#running + this.#waiting.length;
  }

  /** How many of it run at once. */
  get concurrency(): number {
    return this.definition.reserved ?? this.#host.maxEnvironments;
  }

  /** Invokes it, in a process that is idle or in a new one; waits while all are busy. Resolves however the invocation ends. */
  async invoke(payload: string): Promise<InvocationResult> {
    const invocation = { requestId: randomUUID(), payload };
    while (this.#running >= this.concurrency) {
      if (this.concurrency === 0) return refused(invocation, 'Rate Exceeded: the function has a concurrency of 0');
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await promise;
    }
    if (this.#host.stopped.aborted) {
      this.#waiting.shift()?.();
      return refused(invocation, 'the rehearsal has ended');
    }
    this.#running++;
    const startedAt = Date.now();
    try {
      const result = this.#counted(await this.#run(invocation));
      const { name: functionName } = this.definition;
      this.#host.onInvocation?.({ ...result, functionName, event: payload, startedAt });
      return result;
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  /** Kills its processes in whatever they are doing; the next invocation starts a new one. */
  async kill(): Promise<number> {
    const killed = [...this.#environments].filter(({ alive }) => alive);
    await Promise.all(killed.map((environment) => environment.kill()));
    return killed.length;
  }

  async #run(invocation: Invocation): Promise<InvocationResult> {
    let environment = this.#idle.pop();
    while (environment !== undefined && !environment.alive) environment = this.#idle.pop();
    environment ??= this.#start();
    const result = await environment.invoke(invocation);
    if (environment.alive) this.#idle.push(environment);
    return result;
  }

  #start(): ExecutionEnvironment {
    const { runtimeApi, reaper, logs, cloud, credentials } = this.#host;
    const address = runtimeApi.newAddress();
    const variables = { ...environmentOf(this.definition, cloud, credentials), AWS_LAMBDA_RUNTIME_API: address };
    const environment = new ExecutionEnvironment(this.definition, variables, reaper, logs);
    runtimeApi.register(address, environment);
    this.#environments.add(environment);
    environment.closed.then(() => {
      runtimeApi.forget(address);
      this.#environments.delete(environment);
    });
    this.counts.coldStarts++;
    return environment;
  }

  #counted(result: InvocationResult): InvocationResult {
    const tooLarge = Buffer.byteLength(result.payload) > MAX_PAYLOAD_BYTES;
    const said = tooLarge
      ? refused(result, `Response payload size exceeded maximum allowed payload size (${MAX_PAYLOAD_BYTES} bytes).`)
      : result;
    this.counts.invocations++;
    if (said.functionError !== undefined) this.counts.errors++;
    if (said.initMs !== undefined) this.counts.initMs.push(said.initMs);
    return said;
  }
}

function refused({ requestId }: { readonly requestId: string }, what: string): InvocationResult {
  const payload = failurePayload('Function.Refused', requestId, what);
  return { requestId, payload, functionError: 'Unhandled', durationMs: 0, initMs: undefined };
}
