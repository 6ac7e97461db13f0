/** @module A guild as JSON, for the functions of its deployment. */
import { SYSTEM_FAMILY } from '../environment/aws-names.ts';
import type { GuildManifest } from '../environment/guild-manifest.ts';
import type { Agent } from '../guild/define-agent.ts';
import type { Guild } from '../guild/define-guild.ts';
import type { AgentDeployment } from './agent-deployment.ts';
import { followedPatterns, routesOf } from './agent-routes.ts';
import { familiesOf } from './guild-families.ts';

export interface ManifestOptions {
  /** Whether a deployment keeps trails, for `settled` and `explain`. @default false */
  readonly tracing?: boolean;
  /** Whether the index by thread is kept. @default true */
  readonly threads?: boolean;
  /** By name of the agent. @default - as the agents' profiles say */
  readonly agents?: { readonly [Name in string]?: AgentDeployment };
}

/** The same guild and options give the same JSON. */
export function manifestOf(guild: Guild, options: ManifestOptions = {}): GuildManifest {
  const { tracing = false, threads = true } = options;
  const { declared, inferred, allowUndeclared, patterns } = familiesOf(guild.families);
  const agents = Object.values<Agent>(guild.agents);
  return {
    guild: guild.name,
    maxHops: guild.maxHops,
    tracing,
    threads,
    allowUndeclared,
    declared,
    inferred,
    ordered: orderedOf(agents, [...patterns, SYSTEM_FAMILY]),
    agents: agents.map((agent) => {
      const { name, publishes, onlyWhenTagged, ordering, guarantee, timeoutMs, concurrency, profile } = agent;
      const { attempts, baseMs, maxMs } = agent.retry;
      const attempt = { retry: { attempts, baseMs, maxMs }, timeoutMs, concurrency, profile };
      const { lease = profile === 'llm', lanes = false } = options.agents?.[name] ?? {};
      const followed = followedPatterns(agent);
      return { name, patterns: followed, publishes, onlyWhenTagged, ordering, guarantee, ...attempt, lease, lanes };
    }),
  };
}

/** Families that an ordered agent is attached to. */
function orderedOf(agents: readonly Agent[], families: readonly string[]): readonly string[] {
  const ordered = agents.filter(({ ordering }) => ordering === 'key');
  const followed = new Set(ordered.flatMap((agent) => routesOf(agent, families, false).map(({ pattern }) => pattern)));
  return families.filter((pattern) => followed.has(pattern));
}
