/** @module A rehearsed guild with everything that is watched while it works. */
import { connectionText } from '../../environment/aws-outputs.ts';
import { awsVariables } from '../../environment/aws-variables.ts';
import type { GuildManifest } from '../../environment/guild-manifest.ts';
import type { Client } from '../../http/client/client.ts';
import { createClient } from '../../http/client/create-client.ts';
import type { LogLine } from '../../rehearsal/functions/function-logs.ts';
import type { Rehearsal } from '../../rehearsal/rehearsal.ts';
import { rehearse } from '../../rehearsal/rehearse.ts';
import { UsageError } from '../failure.ts';
import { Failures } from './failures.ts';
import { Hops } from './hops.ts';
import { Observation } from './observation.ts';
import { signedFetch } from './signed-fetch.ts';

export interface StageOptions {
  readonly assembly: string;
  readonly stack: string | undefined;
  /** @default - the first that the guild's functions serve */
  readonly namespace: string | undefined;
  readonly timeoutMs: number;
  readonly log: ((line: LogLine) => void) | undefined;
}

interface Deployed {
  readonly delaysQueue: string;
  readonly manifest: GuildManifest;
}

export class Stage implements AsyncDisposable {
  readonly rehearsal: Rehearsal;
  readonly observation: Observation;
  readonly hops: Hops;
  readonly failures: Failures;
  readonly #options: StageOptions;

  private constructor(
    rehearsal: Rehearsal,
    watched: Pick<Stage, 'observation' | 'hops' | 'failures'>,
    options: StageOptions,
  ) {
    this.rehearsal = rehearsal;
    this.observation = watched.observation;
    this.hops = watched.hops;
    this.failures = watched.failures;
    this.#options = options;
  }

  /** @throws what `rehearse` throws, and UsageError where the stack has no functions. */
  static async open(options: StageOptions): Promise<Stage> {
    const { assembly, stack, log } = options;
    const observation = new Observation();
    const agents = new Map<string, string>();
    const hops = new Hops((functionName) => agents.get(functionName));
    const failures = new Failures();
    const rehearsal = await rehearse({
      assembly,
      ...(stack !== undefined && { stack }),
      log: (line) => {
        observation.logged(line);
        log?.(line);
      },
      onInvocation: (ended) => {
        observation.ended(ended);
        hops.ended(ended);
        failures.ended(ended);
      },
      proxy: (call) => {
        if (call.functionName === undefined) return undefined;
        observation.called(call);
        hops.called(call);
        return undefined;
      },
    });
    for (const [name, agent] of agentsOf(rehearsal)) agents.set(name, agent);
    if (rehearsal.functions.length > 0) return new Stage(rehearsal, { observation, hops, failures }, options);
    await rehearsal[Symbol.asyncDispose]();
    throw new UsageError(
      `stack "${rehearsal.stackName}" has no functions, so there is no guild in it: name another with --stack`,
    );
  }

  /** By name of the function. */
  get agents(): ReadonlyMap<string, string> {
    return new Map(agentsOf(this.rehearsal));
  }

  /** @throws UsageError where the stack is no guild's. */
  get manifest(): GuildManifest {
    return this.#deployed().manifest;
  }

  get namespace(): string {
    const [served] = this.rehearsal.resources.flatMap(({ properties }) =>
      variable(properties, awsVariables.namespaces),
    );
    const [first = '*'] = served?.split(',') ?? [];
    return this.#options.namespace ?? (first === '*' ? 'default' : first);
  }

  /** What its API takes; undefined where it has none. */
  get callers(): 'signed' | 'tokens' | undefined {
    const route = this.rehearsal.resources.find(({ type }) => type === 'AWS::ApiGatewayV2::Route');
    if (route === undefined) return undefined;
    return route.properties.AuthorizationType === 'AWS_IAM' ? 'signed' : 'tokens';
  }

  /** A client of its API, whose requests are signed. @throws UsageError where the stack has none with IAM authorization. */
  get client(): Client {
    const { apiUrl: url, region, credentials } = this.rehearsal;
    // First, since a stack without a guild has no such API either.
    this.#deployed();
    if (this.callers !== 'signed')
      throw new UsageError(
        `the stack has no HTTP API with IAM authorization, through which the rehearsal could publish: rehearse without a message, and publish as your callers do`,
      );
    const onRequest = () => this.observation.requested();
    return createClient({ url, namespace: this.namespace, fetch: signedFetch({ region, credentials, onRequest }) });
  }

  /**
   * Resolves when nothing is under way; what is due later is not waited for.
   *
   * @throws StillBusyError
   */
  async settled(): Promise<void> {
    const { timeoutMs } = this.#options;
    const delays = this.#deployed().delaysQueue.split('/').at(-1) ?? '';
    await this.rehearsal.idle({ timeoutMs, ignoring: new RegExp(`:${delays}$`) });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.rehearsal[Symbol.asyncDispose]();
  }

  #deployed(): Deployed {
    const connection = connectionText(this.rehearsal.outputs);
    try {
      return JSON.parse(connection ?? '') as Deployed;
    } catch {
      const got = connection === undefined ? 'has no output Connection' : 'has an output Connection of another kind';
      throw new UsageError(`stack "${this.rehearsal.stackName}" ${got}, so it is none that a Guild construct made`);
    }
  }
}

function agentsOf({ resources }: Rehearsal): readonly (readonly [string, string])[] {
  return resources
    .filter(({ type }) => type === 'AWS::Lambda::Function')
    .flatMap(({ name, properties }) => variable(properties, awsVariables.agent).map((agent) => [name, agent] as const));
}

function variable(properties: Rehearsal['resources'][number]['properties'], name: string): readonly string[] {
  const { Variables } = (properties.Environment ?? {}) as { readonly Variables?: Readonly<Record<string, string>> };
  const value = Variables?.[name];
  return value === undefined ? [] : [value];
}
