/** @module Names that a command was given, checked against those that there are. */
import type { HistoryQuery } from '../bus/history-query.ts';
import { didYouMean } from '../configuration/nearest.ts';
import type { GemstoneId } from '../core/gemstone-id.ts';
import { isGemstoneId } from '../core/gemstone-id.ts';
import { UnknownNameError, UsageError } from './failure.ts';
import type { Target } from './remote.ts';

/** The name, if there is such an agent. @throws UnknownNameError that says which may have been meant. */
export async function knownAgent(agent: string, target: Target): Promise<string> {
  const names = (await target.agents()).map(({ name }) => name);
  if (names.includes(agent)) return agent;
  throw new UnknownNameError(`no agent is called "${agent}": ${didYouMean(agent, names)}`);
}

/** What follows when nothing was found on a topic: where there would be something. */
export async function nearestTopic({ topic }: HistoryQuery, { bus }: Target): Promise<string> {
  if (topic === undefined) return '';
  const used = (await bus.topics()).map((each) => each.topic);
  return used.includes(topic) || used.length === 0 ? '' : `: ${didYouMean(topic, used)}`;
}

/** The id of a gemstone ID or a reference (`topic/id`). @throws UsageError */
export function idOf(given: string): GemstoneId {
  const id = given.slice(given.lastIndexOf('/') + 1);
  if (isGemstoneId(id)) return id;
  throw new UsageError(
    `got "${given}": allowed is an id, 26 characters such as 01KAJ5Z0W3E2V7N9Q4R6T8Y1C4, alone or as topic/id`,
  );
}
