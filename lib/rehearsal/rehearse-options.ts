/** @module What to rehearse, and how. */
import type { ProviderKeys } from './api/jwt.ts';
import type { Caller } from './api/sigv4.ts';
import type { EmulatorOptions } from './emulators.ts';
import type { LogLine } from './functions/function-logs.ts';
import type { EndedInvocation } from './functions/invocation.ts';
import type { CallHook } from './proxy/faults.ts';
import type { Timings } from './template/timings.ts';

export interface RehearseOptions extends EmulatorOptions {
  /** The folder that `cdk synth` wrote: `cdk.out`. */
  readonly assembly: string;
  /** Name or id of the stack. @default - the only one */
  readonly stack?: string;
  /** Numbers of the template to rewrite, so that a rehearsal need not wait for them. */
  readonly timings?: Timings;
  /** Environment variables of every function, on top of the template's. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Hears every line that a function prints. */
  readonly log?: (line: LogLine) => void;
  /** Hears of every invocation that has ended. */
  readonly onInvocation?: (ended: EndedInvocation) => void;
  /**
   * `count` counts the functions' calls to the services; a hook also decides which of them go wrong; `none` lets them call
   * the emulators directly, which is faster.
   *
   * @default 'count'
   */
  readonly proxy?: 'none' | 'count' | CallHook;
  /**
   * `enforced`: a call that the policies of the template do not allow to the function's role is refused, as on AWS; what cannot
   * be told from the template passes. `reported`: it passes as well, and `Rehearsal.permissions()` tells of it. Without a proxy
   * only calls to Lambda are looked at.
   *
   * @default 'enforced'
   */
  readonly permissions?: 'enforced' | 'reported';
  /** Who may call routes with IAM authorization. @default - the rehearsal's own credentials */
  readonly callers?: readonly Caller[];
  /** Keys of token issuers, so that they need not be reached. @default - as their discovery documents say */
  readonly issuerKeys?: ProviderKeys;
  /** Processes at once of a function that has no reserved concurrency. @default 10 */
  readonly maxEnvironments?: number;
}
