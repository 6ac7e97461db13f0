/** @module The families of a guild in the order in which they take topics, as a deployment writes them down. */
import type { TopicFamilies, TopicFamily } from '../core/topic-family.ts';
import type { ManifestFamily } from '../environment/guild-manifest.ts';

export interface GuildFamilies {
  readonly declared: readonly ManifestFamily[];
  readonly inferred: readonly ManifestFamily[];
  readonly allowUndeclared: boolean;
  /** Patterns of all, the one for undeclared topics included, the most literal first. */
  readonly patterns: readonly string[];
}

const ANYTHING = '**';

export function familiesOf(families: TopicFamilies): GuildFamilies {
  const { patterns, declared, inferred } = families;
  // Where a family takes everything, no topic is left that is in none.
  const allowUndeclared = families.allowUndeclared && !patterns.includes(ANYTHING);
  return {
    declared: declared.map(toManifest),
    inferred: inferred.map(toManifest),
    allowUndeclared,
    patterns: allowUndeclared ? [...patterns, ANYTHING] : patterns,
  };
}

const toManifest = ({ pattern, retentionDays, relay = 'log', shards = 1, formats }: TopicFamily): ManifestFamily => ({
  pattern,
  retentionDays,
  relay,
  shards,
  formats: formats.map(({ name }) => name),
});
