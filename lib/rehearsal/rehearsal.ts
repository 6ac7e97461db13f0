/** @module A stack that runs on this machine: what a caller sees of it. */
import type { Json } from '../core/json.ts';
import type { Emulators, Endpoints } from './emulators.ts';
import type { FunctionFinder } from './find-functions.ts';
import type { FunctionLogs, LogLine } from './functions/function-logs.ts';
import type { InvocationResult } from './functions/invocation.ts';
import type { FunctionCounts } from './functions/local-function.ts';
import { type BusyCloud, type IdleOptions, untilIdle } from './idle.ts';
import type { PermissionReport, Permissions } from './permissions/permissions.ts';
import type { CallCounts, CallSummary } from './proxy/call-counts.ts';
import type { Resource } from './resources/stack-scope.ts';
import { type Schedule, tick } from './sources/schedules.ts';
import { StreamSource } from './sources/stream-source.ts';

export interface RehearsedFunction {
  readonly name: string;
  readonly arn: string;
  /** Of its construct: `DocReview/Guild/grammar/Function`. */
  readonly path: string;
}

export interface RehearsalCounts extends CallSummary {
  /** By function name. */
  readonly functions: Readonly<Record<string, Readonly<FunctionCounts>>>;
}

/** Everything that a running rehearsal is made of. */
export interface RehearsalParts {
  readonly stackName: string;
  readonly apiUrl: string;
  readonly endpoints: Endpoints & { readonly lambda: string };
  readonly emulators: Emulators;
  readonly outputs: Readonly<Record<string, string>>;
  readonly resources: readonly Resource[];
  readonly finder: FunctionFinder;
  readonly logs: FunctionLogs;
  readonly schedules: readonly Schedule[];
  readonly cloud: BusyCloud;
  readonly calls: CallCounts;
  readonly permissions: Permissions;
  readonly running: AsyncDisposableStack;
}

/** Disposing stops everything at once, whatever it is doing. */
export class Rehearsal implements AsyncDisposable {
  readonly stackName: string;
  /** Of the stack's HTTP API. Answers 404 to everything where the stack has none. */
  readonly apiUrl: string;
  /** As the functions have them: calls go through the counting proxy. */
  readonly endpoints: Endpoints & { readonly lambda: string };
  readonly region: string;
  /** Any service takes these; the API as well, unless other callers were given. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** The stack's, by their logical ids. Addresses of the API are those of this machine. */
  readonly outputs: Readonly<Record<string, string>>;
  /** What takes part, of nested stacks as well, with all references followed. */
  readonly resources: readonly Resource[];
  readonly functions: readonly RehearsedFunction[];
  /** Aborts when an emulator ends by itself, with an EmulatorLostError as its reason: nothing works any more. */
  readonly lost: AbortSignal;
  readonly #parts: RehearsalParts;

  constructor(parts: RehearsalParts) {
    this.#parts = parts;
    this.stackName = parts.stackName;
    this.apiUrl = parts.apiUrl;
    this.endpoints = parts.endpoints;
    this.region = parts.emulators.region;
    this.credentials = parts.emulators.credentials;
    this.outputs = parts.outputs;
    this.lost = parts.emulators.lost;
    this.resources = parts.resources;
    this.functions = parts.finder.all.map(({ definition: { name, arn, path } }) => ({ name, arn, path }));
  }

  /**
   * Invokes a function and waits for its answer, as `aws lambda invoke` does; an error of the function is in the result.
   *
   * @param functionName Its name, its construct path, the end of that, or a part of it that no other function has.
   * @throws UnknownFunctionError where none fits, or several.
   */
  async invoke(functionName: string, payload: Json): Promise<InvocationResult> {
    return await this.#parts.finder.called(functionName).invoke(JSON.stringify(payload));
  }

  /**
   * Runs schedules now, and waits for what they invoke.
   *
   * @param name Of a rule or a schedule, or of a function that some invoke.
   * @throws UnknownFunctionError where no schedule is, or invokes, that.
   */
  async tick(name: string): Promise<readonly InvocationResult[]> {
    const { schedules, finder } = this.#parts;
    const named = schedules.filter((one) => one.name === name || one.path === name || one.path.endsWith(`/${name}`));
    const found = named.length > 0 ? named : this.#schedulesOf(finder.called(name).definition.name);
    return (await Promise.all(found.map(tick))).flat();
  }

  /** Kills the processes of functions whose name or path fits, whatever they are doing. Resolves to how many it were. */
  async killAll(functionPattern?: RegExp): Promise<number> {
    const killed = await Promise.all(this.#parts.finder.fitting(functionPattern).map((one) => one.kill()));
    return killed.reduce((sum, count) => sum + count, 0);
  }

  /** What no mapping has read yet of its stream is lost, as after 24 hours on AWS; with the next poll of each. */
  trimStreams(): void {
    for (const source of this.#parts.cloud.sources) if (source instanceof StreamSource) source.trim();
  }

  /**
   * Resolves once nothing runs, streams are read to their end, and queues that a function reads are empty.
   *
   * @throws StillBusyError when that takes longer than `timeoutMs`, a minute by default.
   */
  async idle(options: IdleOptions = {}): Promise<void> {
    await untilIdle(this.#parts.cloud, options);
  }

  /** What a function printed, the oldest line first. */
  logsOf(functionName: string): readonly LogLine[] {
    return this.#parts.logs.of(this.#parts.finder.called(functionName).definition.name);
  }

  /** A copy of what was counted so far. */
  counts(): RehearsalCounts {
    const functions = this.#parts.finder.all.map(({ definition: { name }, counts }) => [name, counts] as const);
    return { ...this.#parts.calls.summary(), functions: structuredClone(Object.fromEntries(functions)) };
  }

  /** What was not allowed so far, by the policies of the template, and what it connects without a permission. */
  permissions(): PermissionReport {
    return this.#parts.permissions.report();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.running.disposeAsync();
  }

  #schedulesOf(functionName: string): readonly Schedule[] {
    return this.#parts.schedules.filter(({ targets }) =>
      targets.some(({ target }) => target.definition.name === functionName),
    );
  }
}
