/** @module Starts a guild's agents in this process, on any backend. */
import type { Backend } from '../backends/backend.ts';
import { openBackend } from '../backends/open-backend.ts';
import { DEFAULT_NAMESPACE } from '../bus/bus.ts';
import { Drafts } from '../bus/drafts.ts';
import { type Log, stderrLog, unfailing } from '../bus/log.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { type FieldFault, InvalidArgumentError } from '../core/errors.ts';
import { show } from '../core/show.ts';
import { MAX_NAMESPACE, nameProblem } from '../core/topic.ts';
import { AgentRunner } from './agent-runner.ts';
import type { Agent } from './define-agent.ts';
import type { Guild } from './define-guild.ts';
import { Pace } from './pace.ts';
import { RunningGuild } from './running-guild.ts';
import { Slots } from './slots.ts';
import { subscriptionOf } from './subscription-of.ts';

export interface StartOptions<Names extends string = string> {
  /** A URL (`memory:`, `memory:NAME`), or a function that gives a backend. It is closed with the guild. */
  readonly backend: string | (() => Backend | Promise<Backend>);
  /** The running instance of the guild. @default 'default' */
  readonly namespace?: string;
  /** The agents to run here. @default - all */
  readonly agents?: readonly Names[];
  /** Who publishes through the running guild itself. @default 'user:local' */
  readonly sender?: string;
  /** @default - JSON lines on standard error */
  readonly log?: Log;
  /** @default - the system's */
  readonly clock?: Clock;
  /** Numbers in [0, 1), for jitter. @default Math.random */
  readonly random?: () => number;
}

/**
 * The guild at work: its subscriptions are in force when the promise resolves. Keeps the process alive until it is drained.
 *
 * @throws InvalidArgumentError for a namespace, an agent or a backend URL that is none.
 * @throws UnsupportedFeatureError if an agent asks for what the backend cannot do.
 * @example
 * await using running = await startGuild(guild, { backend: 'memory:' });
 */
export async function startGuild<Names extends string>(
  guild: Guild<Names>,
  options: StartOptions<Names>,
): Promise<RunningGuild> {
  const misused = callFaults(guild, options);
  if (misused.length > 0) throw new InvalidArgumentError(misused);
  const { namespace = DEFAULT_NAMESPACE, sender = 'user:local', clock = systemClock } = options;
  const { random = Math.random } = options;
  const log = unfailing(options.log ?? stderrLog);
  const agents = chosenAgents(guild, options.agents);
  const problem = nameProblem(namespace, MAX_NAMESPACE);
  if (problem !== undefined) throw new InvalidArgumentError([{ field: 'namespace', problem }]);
  const { families, maxHops, use } = guild;
  const backend =
    typeof options.backend === 'string'
      ? await openBackend(options.backend, { families, clock })
      : await options.backend();
  try {
    const pace = new Pace(clock.now());
    const aloneTurn = new Slots(1);
    const now = () => clock.now();
    const runners = agents.map((agent) => {
      const from = Object.freeze({ id: agent.name });
      const { features } = backend;
      const drafts = new Drafts({ namespace, sender: from, families, features, now, publishes: agent.publishes });
      const at = { agent, namespace, backend, clock, drafts, log };
      return new AgentRunner({ ...at, random, maxHops, pace, use, aloneTurn });
    });
    const interests = Object.values<Agent>(guild.agents).map((agent) => subscriptionOf(agent, namespace));
    const published = use.filter(({ publish }) => publish !== undefined);
    const busOptions = { namespace, sender, families, interests, clock, use: published, log };
    const running = new RunningGuild(backend, busOptions, runners);
    for (const agent of agents) await backend.subscribe(subscriptionOf(agent, namespace));
    for (const runner of runners) runner.start();
    return running;
  } catch (error) {
    await backend[Symbol.asyncDispose]();
    throw error;
  }
}

/** Faults that keep the call from being understood at all. */
function callFaults(guild: Guild, options: StartOptions): FieldFault[] {
  const faults: FieldFault[] = [];
  if (guild?.kind !== 'guildwire.guild')
    faults.push({ field: 'guild', problem: `got ${show(guild)}: pass what defineGuild gave` });
  const { backend } = options ?? {};
  if (typeof backend !== 'string' && typeof backend !== 'function') {
    faults.push({
      field: 'backend',
      problem: `got ${show(backend)}: allowed are a URL such as 'memory:', and a function that gives a backend`,
    });
  }
  return faults;
}

function chosenAgents<Names extends string>(
  guild: Guild<Names>,
  names: readonly Names[] | undefined,
): readonly Agent[] {
  const agents = Object.values<Agent>(guild.agents);
  if (names === undefined) return agents;
  const unknown = names.filter((name) => !Object.hasOwn(guild.agents, name));
  if (unknown.length > 0) {
    const known = agents.map(({ name }) => name).join(', ');
    const problem = `got ${unknown.map(show).join(', ')}: agents of guild "${guild.name}" are ${known}`;
    throw new InvalidArgumentError([{ field: 'agents', problem }]);
  }
  return agents.filter(({ name }) => (names as readonly string[]).includes(name));
}
