/** @module An agent as data: what it follows, what it publishes, and its handlers. */
import type { Middleware } from '../bus/middleware/middleware.ts';
import { type FieldFault, InvalidDefinitionError } from '../core/errors.ts';
import type { Format, OutputOf } from '../core/format.ts';
import { type GemstoneId, isGemstoneId } from '../core/gemstone-id.ts';
import type { Json } from '../core/json.ts';
import { defaultRetryPolicy, type RetryPolicy } from '../core/retry-policy.ts';
import { show } from '../core/show.ts';
import { isPlatformOnly, MAX_AGENT_NAME, nameProblem, patternProblem } from '../core/topic.ts';
import { agentShapeFaults, handlerShapeFaults, surroundingFaults } from './agent-shape.ts';
import type { Context, NoState } from './context.ts';
import { type AnyHooks, frozenHooks, type Hooks } from './hooks.ts';

/** What runs for messages of one format; made by `on`. */
export interface Handler {
  /** Undefined for what no other handler takes. */
  readonly format: Format | undefined;
  readonly run: (payload: never, context: never) => void | Promise<void>;
}

export interface AgentOptions<Name extends string, Out extends string, State extends Format> {
  /** One segment of at most 48 characters; the name of the subscription that the agent's instances share. */
  readonly name: Name;
  /** `import.meta.url` of the file whose default export the agent is; a deployment bundles that file. */
  readonly entry: string;
  /** Topics and patterns. Besides them every agent follows its inbox, `$inbox.<name>`. */
  readonly subscribes: readonly string[];
  /** Topics and patterns it may publish to. @default - none */
  readonly publishes?: readonly Out[];
  /** What it remembers; makes the guarantee 'exactly-once'. @default - nothing */
  readonly state?: State;
  /** A function, so that `on` knows the topics and the state. */
  readonly handlers: (on: On<Out, State>) => readonly Handler[];
  /** @default 'at-least-once', or 'exactly-once' with `state` */
  readonly guarantee?: 'at-least-once' | 'at-most-once' | 'exactly-once';
  /** 'key': one delivery at a time per key, in order. @default 'none' */
  readonly ordering?: 'none' | 'key';
  /** Deliveries handled at once by one instance. @default 10 */
  readonly concurrency?: number;
  /** Takes only messages that name it in `recipients`. @default false */
  readonly onlyWhenTagged?: boolean;
  /** Where a new subscription begins; an existing one goes on where it was. @default 'now' */
  readonly from?: 'now' | 'beginning' | GemstoneId;
  /** @default - 5 attempts, 1 s doubling up to 5 min, full jitter */
  readonly retry?: Partial<RetryPolicy>;
  /** How long one attempt may take, in ms; at most 870,000. @default - 30,000; 300,000 with `profile: 'llm'` */
  readonly timeoutMs?: number;
  /** 'llm' for handlers that wait minutes for a model. @default 'fast' */
  readonly profile?: 'fast' | 'llm';
  /** What stands around its handlers, the first outermost; that of the guild is further out. @default - nothing */
  readonly use?: readonly Middleware[];
  /** What it does around each attempt, outside all middleware. @default - nothing */
  readonly hooks?: Hooks<NoInfer<Out>, NoInfer<State>>;
}

export interface On<Out extends string, State extends Format> {
  /** Handles messages of one format. */
  <F extends Format>(
    format: F,
    run: (payload: OutputOf<F>, context: Context<Out, State>) => void | Promise<void>,
  ): Handler;
  /** Handles what no other handler takes; without it such a message is acknowledged as `no-handler`. */
  any(run: (payload: Json, context: Context<Out, State>) => void | Promise<void>): Handler;
}

/** Inert data: it may be spread under another name, which makes a second subscription. */
export interface Agent<Name extends string = string> {
  readonly kind: 'guildwire.agent';
  readonly name: Name;
  readonly entry: string;
  readonly subscribes: readonly string[];
  readonly publishes: readonly string[];
  readonly state: Format | undefined;
  readonly handlers: readonly Handler[];
  readonly guarantee: 'at-least-once' | 'at-most-once' | 'exactly-once';
  readonly ordering: 'none' | 'key';
  readonly concurrency: number;
  readonly onlyWhenTagged: boolean;
  readonly from: 'now' | 'beginning' | GemstoneId;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number;
  readonly profile: 'fast' | 'llm';
  readonly use: readonly Middleware[];
  readonly hooks: AnyHooks;
}

export const TIMEOUT_MS = { fast: 30_000, llm: 300_000 } as const;
const MAX_TIMEOUT_MS = 870_000;

/**
 * An agent.
 *
 * @throws InvalidDefinitionError with everything that is wrong.
 * @example
 * export default defineAgent({
 *   name: 'shouter', entry: import.meta.url,
 *   subscribes: ['said'], publishes: ['shouted'],
 *   handlers: (on) => [on(Text, ({ text }, context) => context.publish('shouted', Text, { text: text.toUpperCase() }))],
 * });
 */
export function defineAgent<
  const Name extends string,
  const Out extends string = never,
  State extends Format = NoState,
>(options: AgentOptions<Name, Out, State>): Agent<Name> {
  const what = `agent ${show(options?.name)}`;
  const misshapen = agentShapeFaults(options);
  if (misshapen.length > 0) throw new InvalidDefinitionError(what, misshapen);
  const { profile = 'fast', state, publishes = [], concurrency = 10 } = options;
  const on: On<Out, State> = Object.assign((format: Format, run: Handler['run']) => ({ format: format ?? null, run }), {
    any: (run: Handler['run']) => ({ format: undefined, run }),
  });
  const handlers = options.handlers(on);
  const misshapenHandlers = handlerShapeFaults(handlers);
  if (misshapenHandlers.length > 0) throw new InvalidDefinitionError(what, misshapenHandlers);
  const agent: Agent<Name> = {
    kind: 'guildwire.agent',
    name: options.name,
    entry: options.entry,
    subscribes: Object.freeze([...options.subscribes]),
    publishes: Object.freeze([...publishes]),
    state,
    handlers: Object.freeze(handlers.map((handler) => Object.freeze({ ...handler }))),
    guarantee: options.guarantee ?? (state === undefined ? 'at-least-once' : 'exactly-once'),
    ordering: options.ordering ?? 'none',
    concurrency,
    onlyWhenTagged: options.onlyWhenTagged ?? false,
    from: options.from ?? 'now',
    retry: Object.freeze({ ...defaultRetryPolicy, ...options.retry }),
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS[profile] ?? TIMEOUT_MS.fast,
    profile,
    use: Object.freeze([...(options.use ?? [])]),
    hooks: frozenHooks(options.hooks),
  };
  const faults = agentFaults(agent);
  if (faults.length > 0) throw new InvalidDefinitionError(what, faults);
  return Object.freeze(agent);
}

/** Everything that is wrong with an agent; also for one that was spread under another name. */
export function agentFaults(agent: Agent): FieldFault[] {
  const faults: FieldFault[] = [];
  const check = (field: string, problem: string | undefined) =>
    problem === undefined || faults.push({ field, problem });
  const whole = (value: number, least: number, most = Number.MAX_SAFE_INTEGER) =>
    Number.isSafeInteger(value) && value >= least && value <= most
      ? undefined
      : `got ${show(value)}: allowed is a whole number from ${least}${most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`}`;
  const oneOf = (value: string, allowed: readonly string[]) =>
    allowed.includes(value) ? undefined : `got ${show(value)}: allowed are ${allowed.join(', ')}`;

  check('name', nameProblem(agent.name, MAX_AGENT_NAME));
  check(
    'entry',
    typeof agent.entry === 'string' && agent.entry !== ''
      ? undefined
      : `got ${show(agent.entry)}: write import.meta.url`,
  );
  for (const pattern of agent.subscribes) check('subscribes', patternProblem(pattern) ?? subscribeProblem(pattern));
  for (const pattern of agent.publishes) check('publishes', patternProblem(pattern) ?? publishProblem(pattern));
  check('handlers', agent.handlers.length > 0 ? undefined : 'is empty: an agent needs at least one');
  for (const name of doubled(agent.handlers.map(({ format }) => format?.name))) {
    check('handlers', `has two for ${show(name ?? 'any')}: one handler takes all messages of a format`);
  }
  check('guarantee', oneOf(agent.guarantee, ['at-least-once', 'at-most-once', 'exactly-once']));
  if (agent.state !== undefined && agent.guarantee !== 'exactly-once') {
    check('guarantee', `got ${show(agent.guarantee)}: an agent with state is exactly-once; leave it out`);
  }
  check('ordering', oneOf(agent.ordering, ['none', 'key']));
  check('profile', oneOf(agent.profile, ['fast', 'llm']));
  check('concurrency', whole(agent.concurrency, 1));
  check('timeoutMs', whole(agent.timeoutMs, 1, MAX_TIMEOUT_MS));
  check('retry.attempts', whole(agent.retry.attempts, 1));
  check('retry.baseMs', whole(agent.retry.baseMs, 0));
  check('retry.maxMs', whole(agent.retry.maxMs, 0));
  const { from } = agent;
  const isStart = from === 'now' || from === 'beginning' || isGemstoneId(from);
  check('from', isStart ? undefined : `got ${show(from)}: allowed are 'now', 'beginning' and a gemstone ID`);
  return [...faults, ...surroundingFaults(agent.use, agent.hooks)];
}

function subscribeProblem(pattern: string): string | undefined {
  if (pattern.startsWith('$reply')) return `got ${show(pattern)}: replies are read by who asked, and never delivered`;
  if (pattern.startsWith('$self'))
    return `got ${show(pattern)}: an agent follows its own $self by itself, and nobody else's`;
  return undefined;
}

function publishProblem(pattern: string): string | undefined {
  if (pattern.startsWith('$inbox')) return `got ${show(pattern)}: inboxes need no declaration`;
  return isPlatformOnly(pattern) ? `got ${show(pattern)}: only the platform publishes there` : undefined;
}

function doubled<T>(names: readonly T[]): readonly T[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}
