/** @module What keeps a guild as a whole from running on AWS; found before anything is bundled. */
import type { FieldFault } from '../core/errors.ts';
import { show } from '../core/show.ts';
import { MAX_NAMESPACE, nameProblem } from '../core/topic.ts';
import { SYSTEM_FAMILY } from '../environment/aws-names.ts';
import type { Agent } from '../guild/define-agent.ts';
import type { Guild } from '../guild/define-guild.ts';
import type { AgentDeployment } from './agent-deployment.ts';
import { agentFaults } from './agent-faults.ts';
import { routesOf } from './agent-routes.ts';
import type { Namespaces } from './permissions.ts';
import { followersProblem } from './topic-family-base.ts';

export interface GuildPlan {
  readonly guild: Guild;
  readonly layout: 'flat' | 'nested';
  readonly namespaces: Namespaces;
  readonly deployments: { readonly [Name in string]?: AgentDeployment };
  /** Patterns, the most literal first, with the built-in one. */
  readonly families: readonly string[];
  readonly tracing: boolean;
  readonly threads: boolean;
}

/** About 15 resources each, of the 500 that a stack may have. */
export const MAX_FLAT_AGENTS = 30;

/** What types refuse, for those who write JavaScript. */
export function shapeFaults({ guild, layout }: { readonly guild: unknown; readonly layout: unknown }): FieldFault[] {
  const faults: FieldFault[] = [];
  const isGuild = typeof guild === 'object' && guild !== null && 'kind' in guild && guild.kind === 'guildwire.guild';
  if (!isGuild) faults.push({ field: 'guild', problem: `got ${show(guild)}: give what defineGuild returned` });
  if (layout !== 'flat' && layout !== 'nested')
    faults.push({ field: 'layout', problem: `got ${show(layout)}: allowed are 'flat' and 'nested'` });
  return faults;
}

export function guildFaults(plan: GuildPlan): FieldFault[] {
  const { guild, layout, deployments, tracing, threads } = plan;
  const agents = Object.values<Agent>(guild.agents);
  const faults: FieldFault[] = [];
  const check = (field: string, isRight: boolean, problem: string) => isRight || faults.push({ field, problem });
  check(
    'guild.use',
    guild.use.length === 0,
    `has ${guild.use.length}: a bundle holds one agent and not the guild; put it into the \`use\` of the agents`,
  );
  check(
    'layout',
    layout === 'nested' || agents.length <= MAX_FLAT_AGENTS,
    `got 'flat' with ${agents.length} agents: the limit is ${MAX_FLAT_AGENTS}; write layout: 'nested', which replaces the queues of agents that are deployed`,
  );
  check(
    'threads',
    threads || !tracing,
    'got false with tracing: true, which counts by the index of threads: keep both',
  );
  for (const name of Object.keys(deployments)) {
    const known = agents.map((agent) => agent.name).join(', ');
    check(`agents.${name}`, Object.hasOwn(guild.agents, name), `is no agent of the guild: those are ${known}`);
  }
  const wrong = agents.flatMap((agent) =>
    agentFaults(agent, deployments[agent.name] ?? {}).map(({ field, problem }) => ({
      field: `agents.${agent.name}.${field}`,
      problem,
    })),
  );
  return [...faults, ...wrong, ...namespaceFaults(plan), ...followerFaults(plan, agents)];
}

function namespaceFaults({ namespaces }: GuildPlan): FieldFault[] {
  const unnamed = namespaces === 'dynamic' ? [] : namespaces;
  const faults = unnamed.flatMap((namespace): FieldFault[] => {
    const problem = nameProblem(namespace, MAX_NAMESPACE);
    return problem === undefined ? [] : [{ field: 'namespaces', problem }];
  });
  if (namespaces.length === 0) faults.push({ field: 'namespaces', problem: "is empty: name one, or say 'dynamic'" });
  return faults;
}

function followerFaults({ families, deployments }: GuildPlan, agents: readonly Agent[]): FieldFault[] {
  const counts = new Map<string, number>();
  for (const agent of agents) {
    const kind = agent.ordering === 'key' ? 'ordered' : 'standard';
    for (const { pattern, filters } of routesOf(agent, families, deployments[agent.name]?.lanes ?? false)) {
      const key = `${kind} ${pattern}`;
      counts.set(key, (counts.get(key) ?? 0) + filters.length);
    }
  }
  return [...counts].flatMap(([key, count]): FieldFault[] => {
    const [kind = '', pattern = ''] = key.split(' ');
    const isOrdered = kind === 'ordered';
    if (pattern !== SYSTEM_FAMILY) {
      const problem = followersProblem(isOrdered, count);
      return problem === undefined ? [] : [{ field: `topics.${pattern}`, problem }];
    }
    const problem = followersProblem(isOrdered, count, 'split the guild');
    return problem === undefined ? [] : [{ field: 'agents', problem: `the topic of all inboxes ${problem}` }];
  });
}
