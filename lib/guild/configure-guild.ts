/** @module A guild with some of its numbers changed from outside, by a configuration. */
import { type FieldFault, InvalidDefinitionError } from '../core/errors.ts';
import type { RetryPolicy } from '../core/retry-policy.ts';
import { show } from '../core/show.ts';
import type { FamilySettings } from '../core/topic-family.ts';
import { type Agent, type AgentOptions, agentFaults, TIMEOUT_MS } from './define-agent.ts';
import type { Guild } from './define-guild.ts';

export interface GuildSettings {
  readonly agents?: Readonly<Record<string, AgentSettings>>;
  /** By topic or pattern. */
  readonly topics?: Readonly<Record<string, FamilySettings>>;
}

/** What of an agent is a matter of where it runs. */
export type AgentSettings = {
  readonly [Key in 'concurrency' | 'ordering' | 'guarantee' | 'profile' | 'timeoutMs']?:
    | AgentOptions<string, string, never>[Key]
    | undefined;
} & { readonly retry?: { readonly [Key in keyof RetryPolicy]?: RetryPolicy[Key] | undefined } | undefined };

/**
 * The guild with these settings in the place of its own.
 *
 * @throws InvalidDefinitionError with everything that is wrong, agents that it does not have included.
 */
export function configureGuild(guild: Guild, { agents = {}, topics = {} }: GuildSettings): Guild {
  const faults: FieldFault[] = [];
  const known = Object.keys(guild.agents);
  for (const name of Object.keys(agents)) {
    if (known.includes(name)) continue;
    faults.push({
      field: `agents.${name}`,
      problem: `is no agent of guild ${show(guild.name)}: those are ${known.join(', ')}`,
    });
  }
  const configured = Object.entries<Agent>(guild.agents).map(([name, agent]) => {
    const changed = withSettings(agent, agents[name] ?? {});
    for (const fault of agentFaults(changed)) faults.push({ ...fault, field: `agents.${name}.${fault.field}` });
    return [name, changed] as const;
  });
  if (faults.length > 0) throw new InvalidDefinitionError(`guild ${show(guild.name)} with its configuration`, faults);
  return Object.freeze({
    ...guild,
    agents: Object.freeze(Object.fromEntries(configured)),
    families: guild.families.with(new Map(Object.entries(topics))),
  });
}

function withSettings(agent: Agent, { retry, ...settings }: AgentSettings): Agent {
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  const changed = Object.fromEntries(Object.entries(retry ?? {}).filter(([, value]) => value !== undefined));
  const timeoutMs =
    settings.timeoutMs ?? (settings.profile === undefined ? agent.timeoutMs : TIMEOUT_MS[settings.profile]);
  return Object.freeze({ ...agent, ...given, timeoutMs, retry: Object.freeze({ ...agent.retry, ...changed }) });
}
