/** @module What an agent does around each of its attempts. */
import type { FieldFault } from '../core/errors.ts';
import type { Format } from '../core/format.ts';
import { show } from '../core/show.ts';
import type { Context, NoState } from './context.ts';

/**
 * Called around each attempt of an agent, outside all middleware. An attempt that `before` was called for, and that ends in
 * this process, ends with either `after` or `onError`.
 */
export interface Hooks<Out extends string = string, State extends Format = NoState> {
  /** Before the payload is decoded. What it throws fails the attempt, and the handler does not run. */
  before?(context: Context<Out, State>): void | Promise<void>;
  /** When the handler is done, and before what the attempt decided is stored. What it throws fails the attempt. */
  after?(context: Context<Out, State>): void | Promise<void>;
  /**
   * When the attempt has ended otherwise, with its reason: what was thrown, `FilteredError` and `Postponed` included, or
   * why it was given up. The context can decide no more. What it throws is logged, and changes nothing; nothing waits for it but
   * the end of the guild.
   */
  onError?(context: Context<Out, State>, error: unknown): void | Promise<void>;
}

/** What the contexts of all agents have, for hooks that several agents share. */
export type AnyContext = Omit<Context<never, Format>, 'publish' | 'publishNow' | 'forward' | 'request'>;

/** Hooks as the runtime calls them, of whatever agent. */
export interface AnyHooks {
  readonly before?: (context: never) => void | Promise<void>;
  readonly after?: (context: never) => void | Promise<void>;
  readonly onError?: (context: never, error: unknown) => void | Promise<void>;
}

const NAMES = ['before', 'after', 'onError'] as const;

/** What is wrong with the hooks of a definition. */
export function hookFaults(hooks: unknown): FieldFault[] {
  if (hooks === undefined) return [];
  if (typeof hooks !== 'object' || hooks === null || Array.isArray(hooks)) {
    return [{ field: 'hooks', problem: `got ${show(hooks)}: allowed is an object of ${NAMES.join(', ')}` }];
  }
  const unknown = Object.keys(hooks).filter((name) => !(NAMES as readonly string[]).includes(name));
  const faults = unknown.map((name) => ({
    field: `hooks.${name}`,
    problem: `is unknown: allowed are ${NAMES.join(', ')}`,
  }));
  for (const name of NAMES) {
    const hook = (hooks as Partial<Record<string, unknown>>)[name];
    if (hook !== undefined && typeof hook !== 'function') {
      faults.push({ field: `hooks.${name}`, problem: `got ${show(hook)}: allowed is a function` });
    }
  }
  return faults;
}

/** Frozen, and still called as methods of the object that they came with. */
export function frozenHooks<Out extends string, State extends Format>(hooks: Hooks<Out, State> = {}): AnyHooks {
  const { before, after, onError } = hooks;
  return Object.freeze({
    ...(before !== undefined && { before: before.bind(hooks) }),
    ...(after !== undefined && { after: after.bind(hooks) }),
    ...(onError !== undefined && { onError: onError.bind(hooks) }),
  });
}
