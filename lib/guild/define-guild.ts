/** @module A guild as data: its agents, and the topics they meet on. */
import { type Middleware, middlewareFaults } from '../bus/middleware/middleware.ts';
import { type FieldFault, InvalidDefinitionError } from '../core/errors.ts';
import { type Format, isFormat } from '../core/format.ts';
import { show } from '../core/show.ts';
import { isReserved, MAX_AGENT_NAME, nameProblem, patternProblem } from '../core/topic.ts';
import { DEFAULT_RETENTION_DAYS, TopicFamilies, type TopicFamily } from '../core/topic-family.ts';
import { type Agent, agentFaults } from './define-agent.ts';

/** What holds for every topic that a pattern names. */
export interface TopicOptions {
  /** The only formats that may be published there. @default - any */
  readonly formats?: readonly Format[];
  /** How long messages are kept, in days; never takes what a subscription has not had. @default 30 */
  readonly retentionDays?: number;
  /** How a deployment hands messages on: from its log, or by the publisher as well, which is faster. @default 'log' */
  readonly relay?: 'log' | 'direct';
  /** Over how many partitions a deployment spreads a topic; it may only grow. @default 1 */
  readonly shards?: 1 | 4 | 16;
}

export interface GuildOptions<A extends readonly Agent[]> {
  /** One segment of at most 48 characters. */
  readonly name: string;
  readonly agents: A;
  /** Topic families, by topic or pattern. @default - one for each topic and pattern that an agent names */
  readonly topics?: Readonly<Record<string, TopicOptions>>;
  /** How many generations a message may be from its root; deliveries beyond are not started. @default 32 */
  readonly maxHops?: number;
  /** Whether topics in no family may be published to. @default false */
  readonly allowUndeclared?: boolean;
  /**
   * What stands around the handlers of all agents, outside their own, and around what the running guild itself publishes; the
   * first is outermost. @default - nothing
   */
  readonly use?: readonly Middleware[];
}

export interface Guild<Names extends string = string> {
  readonly kind: 'guildwire.guild';
  readonly name: string;
  readonly agents: { readonly [Name in Names]: Agent<Name> };
  readonly families: TopicFamilies;
  readonly maxHops: number;
  readonly use: readonly Middleware[];
}

const DEFAULT_MAX_HOPS = 32;

/**
 * A guild.
 *
 * @throws InvalidDefinitionError with everything that is wrong, the agents included.
 * @example
 * export default defineGuild({ name: 'doc-review', agents: [coordinator, grammar], topics: { 'doc.**': { retentionDays: 7 } } });
 */
export function defineGuild<const A extends readonly Agent[]>(options: GuildOptions<A>): Guild<A[number]['name']> {
  const misshapen = shapeFaults(options);
  if (misshapen.length > 0) throw new InvalidDefinitionError(`guild ${show(options?.name)}`, misshapen);
  const { name, agents, topics = {}, maxHops = DEFAULT_MAX_HOPS, allowUndeclared = false, use = [] } = options;
  const declared = Object.entries(topics).map(
    ([pattern, { formats = [], retentionDays = DEFAULT_RETENTION_DAYS, relay, shards }]): TopicFamily => ({
      pattern,
      formats,
      retentionDays,
      ...(relay !== undefined && { relay }),
      ...(shards !== undefined && { shards }),
    }),
  );
  const faults = guildFaults(name, agents, declared, maxHops);
  if (faults.length > 0) throw new InvalidDefinitionError(`guild ${show(name)}`, faults);
  const used = agents.flatMap(({ subscribes, publishes }) => [...subscribes, ...publishes]);
  return Object.freeze({
    kind: 'guildwire.guild',
    name,
    agents: Object.freeze(Object.fromEntries(agents.map((agent) => [agent.name, agent]))) as Guild<
      A[number]['name']
    >['agents'],
    families: TopicFamilies.of(declared, used, allowUndeclared),
    maxHops,
    use: Object.freeze([...use]),
  });
}

/** Faults that keep the options from being read at all. */
function shapeFaults(options: GuildOptions<readonly Agent[]>): FieldFault[] {
  if (typeof options !== 'object' || options === null) {
    return [{ field: 'options', problem: `got ${show(options)}: allowed is an object` }];
  }
  if (!Array.isArray(options.agents)) {
    return [{ field: 'agents', problem: `got ${show(options.agents)}: allowed is an array of what defineAgent gave` }];
  }
  const formatless = Object.entries(options.topics ?? {}).flatMap(([pattern, { formats = [] }]) =>
    formats.flatMap((format, index) => {
      if (isFormat(format)) return [];
      return [
        { field: `topics.${pattern}.formats[${index}]`, problem: `got ${show(format)}: pass what defineFormat gave` },
      ];
    }),
  );
  const agentless = (options.agents as readonly (Agent | undefined)[]).flatMap((agent, index) => {
    if (agent?.kind === 'guildwire.agent') return [];
    const problem = `got ${show(agent)}: an agent is what defineAgent gave; undefined often comes from files that import each other`;
    return [{ field: `agents[${index}]`, problem }];
  });
  const useless = options.use === undefined ? [] : middlewareFaults(options.use);
  return [...agentless, ...formatless, ...useless];
}

function guildFaults(
  name: string,
  agents: readonly Agent[],
  families: readonly TopicFamily[],
  maxHops: number,
): FieldFault[] {
  const faults: FieldFault[] = [];
  const problem = nameProblem(name, MAX_AGENT_NAME);
  if (problem !== undefined) faults.push({ field: 'name', problem });
  if (agents.length === 0) faults.push({ field: 'agents', problem: 'is empty: a guild needs at least one' });
  if (!Number.isSafeInteger(maxHops) || maxHops < 1) {
    faults.push({ field: 'maxHops', problem: `got ${show(maxHops)}: allowed is a whole number from 1` });
  }
  for (const [index, agent] of agents.entries()) {
    for (const fault of agentFaults(agent)) faults.push({ ...fault, field: `agents.${agent.name}.${fault.field}` });
    if (agents.findIndex((other) => other.name === agent.name) < index) {
      faults.push({
        field: 'agents',
        problem: `has two called ${show(agent.name)}: spread one of them under another name`,
      });
    }
  }
  for (const { pattern, retentionDays, relay = 'log', shards = 1 } of families) {
    const field = `topics.${pattern}`;
    const check = (name: string, isRight: boolean, value: unknown, allowed: string) =>
      isRight || faults.push({ field: `${field}.${name}`, problem: `got ${show(value)}: allowed are ${allowed}` });
    check('relay', relay === 'log' || relay === 'direct', relay, 'log and direct');
    check('shards', [1, 4, 16].includes(shards), shards, '1, 4 and 16');
    const wrong = isReserved(pattern) ? 'is reserved: the platform declares it' : patternProblem(pattern);
    if (wrong !== undefined) faults.push({ field, problem: wrong });
    if (!(retentionDays > 0)) {
      faults.push({
        field: `${field}.retentionDays`,
        problem: `got ${show(retentionDays)}: allowed is a number of days above 0`,
      });
    }
  }
  return [...faults, ...formatFaults(agents, families)];
}

/** Two formats of one name that are not one object would be two types that look alike. */
function formatFaults(agents: readonly Agent[], families: readonly TopicFamily[]): FieldFault[] {
  const seen = new Map<string, Format>();
  const faults: FieldFault[] = [];
  const handled = agents.flatMap(({ handlers }) =>
    handlers.flatMap(({ format }) => (format === undefined ? [] : [format])),
  );
  for (const format of [...handled, ...families.flatMap(({ formats }) => formats)]) {
    const first = seen.get(format.name) ?? format;
    seen.set(format.name, first);
    if (first !== format) {
      const problem = `two definitions of ${show(format.name)}: define a format once, and import it where it is used`;
      faults.push({ field: 'formats', problem });
    }
  }
  return faults;
}
