/** @module Agents that somebody chose by name, checked against those of the guild. */
import { didYouMean } from '../configuration/nearest.ts';
import { InvalidArgumentError } from '../core/errors.ts';
import { show } from '../core/show.ts';
import type { Guild } from '../guild/define-guild.ts';

/** @throws InvalidArgumentError that names every agent that the guild does not have, and what may have been meant. */
export function refuseUnknownAgents(names: readonly string[], guild: Guild): void {
  const known = Object.keys(guild.agents);
  const faults = names
    .filter((name) => !known.includes(name))
    .map((name) => ({
      field: 'agents',
      problem: `guild ${show(guild.name)} has no ${show(name)}: ${didYouMean(name, known)}`,
    }));
  if (faults.length > 0) throw new InvalidArgumentError(faults);
}
