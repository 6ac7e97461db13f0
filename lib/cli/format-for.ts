/** @module Which format a payload is in when nobody says so: the only one that can be meant. */
import { didYouMean } from '../configuration/nearest.ts';
import { type Format, genericJson } from '../core/format.ts';
import { matches } from '../core/topic.ts';
import type { Agent } from '../guild/define-agent.ts';
import type { Guild } from '../guild/define-guild.ts';
import { UsageError } from './failure.ts';
import type { AgentNode } from './views/graph-view.ts';

/** @throws UsageError if several could be meant, none is called so, or the guild has no such topic. */
export function formatFor(guild: Guild, topic: string, name: string | undefined): Format {
  const family = guild.families.of(topic);
  if (family === undefined)
    throw new UsageError(
      `guild "${guild.name}" has no topic "${topic}": ${didYouMean(topic, guild.families.patterns)}`,
    );
  const followers = Object.values<Agent>(guild.agents).filter((agent) => follows(agent, [topic]));
  const handled = followers.flatMap(({ handlers }) => handlers.flatMap(({ format }) => format ?? []));
  const formats =
    family.formats.length > 0 ? family.formats : [...new Map(handled.map((format) => [format.name, format])).values()];
  const names = formats.map((format) => format.name);
  if (name === undefined) {
    const only = onlyOf(names, topic);
    return formats.find((format) => format.name === only) ?? genericJson;
  }
  const known = formats.find((format) => format.name === name);
  if (known !== undefined) return known;
  if (name === genericJson.name || family.formats.length === 0) return { ...genericJson, name };
  throw new UsageError(`"${topic}" does not take ${name}: ${didYouMean(name, names)}`);
}

/**
 * The name of the only format that the agents on these topics handle; undefined if they take any, or nobody follows.
 *
 * @throws UsageError if there are several.
 */
export function formatAmong(agents: readonly AgentNode[], topics: readonly string[]): string | undefined {
  const formats = new Set(agents.filter((agent) => follows(agent, topics)).flatMap((agent) => agent.formats));
  return onlyOf([...formats], topics.join(', '));
}

/** What a person may want to know who publishes where nobody listens, or nobody says who does; undefined if somebody does. */
export function nobodyFollows(agents: readonly AgentNode[], topics: readonly string[]): string | undefined {
  if (agents.length === 0 || agents.some((agent) => follows(agent, topics))) return undefined;
  const followed = [...new Set(agents.flatMap(({ subscribes }) => subscribes))];
  if (followed.length === 0) return unsaid(topics);
  return `nobody follows "${topics.join(', ')}" here: ${didYouMean(topics[0] ?? '', followed)}`;
}

/** What a person may want to know whose payload is in no format, since nobody says which. */
export function unsaid(topics: readonly string[]): string {
  return `as ${genericJson.name}, since no guild here says what is taken on "${topics.join(', ')}": give --format, or name the guild (GUILDWIRE_GUILD, or \`guild\` in guildwire.config.yaml)`;
}

/** @throws UsageError if there are several. */
export function onlyOf(names: readonly string[], topic: string): string | undefined {
  if (names.length < 2) return names[0];
  throw new UsageError(`"${topic}" takes ${names.join(', ')}: say which with --format`);
}

/** An agent follows its inbox without saying so. */
const follows = ({ name, subscribes }: Pick<AgentNode, 'name' | 'subscribes'>, topics: readonly string[]) =>
  [...subscribes, `$inbox.${name}`].some((pattern) => topics.some((topic) => matches(pattern, topic)));
