/** @module Who can speak to whom in a guild, from what its agents declare. */
import type { Agent } from './define-agent.ts';
import type { Guild } from './define-guild.ts';

/** What one agent publishes, and another follows. */
export interface GuildEdge {
  readonly from: string;
  readonly to: string;
  /** The topic or pattern as `from` declares it. */
  readonly publishes: string;
  /** The topic or pattern as `to` declares it. */
  readonly subscribes: string;
}

export interface GuildNode {
  readonly agent: string;
  readonly subscribes: readonly string[];
  readonly publishes: readonly string[];
  /** Names of the formats that it handles. */
  readonly formats: readonly string[];
  /** Whether it handles any other format as well. */
  readonly handlesAny: boolean;
}

export interface GuildGraph {
  readonly guild: string;
  readonly agents: readonly GuildNode[];
  readonly edges: readonly GuildEdge[];
}

/** The agents of a guild in alphabetical order, and an edge wherever a topic of one can reach another. Inboxes are left out. */
export function guildGraph(guild: Guild): GuildGraph {
  const agents = Object.values<Agent>(guild.agents).toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const edges = agents.flatMap((from) => agents.filter((to) => to !== from).flatMap((to) => edgesBetween(from, to)));
  return { guild: guild.name, agents: agents.map(toNode), edges };
}

function toNode({ name, subscribes, publishes, handlers }: Agent): GuildNode {
  const formats = handlers.flatMap(({ format }) => (format === undefined ? [] : [format.name]));
  return { agent: name, subscribes, publishes, formats, handlesAny: formats.length < handlers.length };
}

function edgesBetween(from: Agent, to: Agent): readonly GuildEdge[] {
  return from.publishes.flatMap((publishes) =>
    to.subscribes
      .filter((subscribes) => overlap(publishes, subscribes))
      .map((subscribes) => ({ from: from.name, to: to.name, publishes, subscribes })),
  );
}

/** Whether some topic is named by both patterns. */
function overlap(one: string, other: string): boolean {
  const [a, b] = [one.split('.'), other.split('.')];
  const [rootOfOne = '', rootOfOther = ''] = [a[0], b[0]];
  if ((rootOfOne.startsWith('$') || rootOfOther.startsWith('$')) && rootOfOne !== rootOfOther) return false;
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const [left, right] = [a[index], b[index]];
    if (left === undefined || right === undefined) return false;
    if (left === '**' || right === '**') return true;
    if (left !== '*' && right !== '*' && left !== right) return false;
  }
  return true;
}
