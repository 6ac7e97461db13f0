/** @module Topic families: the declared or inferred patterns of a guild, each topic in exactly one of them. */
import type { Format } from './format.ts';
import { covers, isReserved, matches } from './topic.ts';

export interface TopicFamily {
  readonly pattern: string;
  /** The formats that may be published there; empty for any. */
  readonly formats: readonly Format[];
  /** How long messages are kept, in days. It never takes what a subscription has not had. */
  readonly retentionDays: number;
  /** How a deployment hands messages on: from its log, or by the publisher as well, which is faster. @default 'log' */
  readonly relay?: 'log' | 'direct';
  /** Over how many partitions a deployment spreads a topic; it may only grow. @default 1 */
  readonly shards?: 1 | 4 | 16;
}

/** What may be set of a family from outside. */
export type FamilySettings = { readonly [Key in 'retentionDays' | 'relay' | 'shards']?: TopicFamily[Key] | undefined };

export const DEFAULT_RETENTION_DAYS = 30;

const builtIn: TopicFamily = { pattern: '$**', formats: [], retentionDays: DEFAULT_RETENTION_DAYS };
const undeclared: TopicFamily = { pattern: '**', formats: [], retentionDays: DEFAULT_RETENTION_DAYS };

/** The families of one guild. */
export class TopicFamilies {
  readonly #families: readonly TopicFamily[];
  /** Those that the guild declares, the most literal first. */
  readonly declared: readonly TopicFamily[];
  /** Those that only what is in use says, likewise. */
  readonly inferred: readonly TopicFamily[];
  /** Whether a topic in no family belongs to one more. */
  readonly allowUndeclared: boolean;

  /**
   * @param inferred Families that take only what no declared one does.
   * @param allowUndeclared Whether a topic in no family belongs to one more, which takes all.
   */
  constructor(declared: readonly TopicFamily[], allowUndeclared: boolean, inferred: readonly TopicFamily[] = []) {
    this.declared = declared.toSorted(bySpecificity);
    this.inferred = inferred.toSorted(bySpecificity);
    this.#families = [...this.declared, ...this.inferred];
    this.allowUndeclared = allowUndeclared;
  }

  /** The declared families, and one for each pattern in use that no declared one covers. */
  static of(declared: readonly TopicFamily[], used: readonly string[], allowUndeclared: boolean): TopicFamilies {
    const inferred = [...new Set(used)]
      .filter((pattern) => !isReserved(pattern) && !declared.some((family) => covers(family.pattern, pattern)))
      .map((pattern) => ({ pattern, formats: [], retentionDays: DEFAULT_RETENTION_DAYS }));
    return new TopicFamilies(declared, allowUndeclared, inferred);
  }

  /**
   * These families with other settings. A pattern that is none of them becomes a family of its own, with the rest as the
   * narrowest declared one says that covers it.
   */
  with(settings: ReadonlyMap<string, FamilySettings>): TopicFamilies {
    if (settings.size === 0) return this;
    const changed = (family: TopicFamily): TopicFamily => ({ ...family, ...given(settings.get(family.pattern)) });
    const isNew = (pattern: string) => !this.#families.some((family) => family.pattern === pattern);
    const added = [...settings].flatMap(([pattern, changes]): TopicFamily[] => {
      if (!isNew(pattern)) return [];
      const wider = this.declared.find((family) => covers(family.pattern, pattern));
      return [{ ...(wider ?? undeclared), ...given(changes), pattern }];
    });
    const inferred = this.inferred.map(changed);
    return new TopicFamilies([...this.declared.map(changed), ...added], this.allowUndeclared, inferred);
  }

  get patterns(): readonly string[] {
    return this.#families.map((family) => family.pattern);
  }

  /** The one family that the topic belongs to; undefined if it is in none and undeclared topics are not allowed. */
  of(topic: string): TopicFamily | undefined {
    if (isReserved(topic)) return builtIn;
    const family = this.#families.find(({ pattern }) => matches(pattern, topic));
    return family ?? (this.allowUndeclared ? undeclared : undefined);
  }
}

/**
 * Orders patterns so that the first one that matches is the topic's family: most literal segments, then more segments,
 * then `*` before `**`, then the first literal from the left. Two patterns that match one topic never tie.
 */
function bySpecificity(one: TopicFamily, other: TopicFamily): number {
  const [a, b] = [one.pattern.split('.'), other.pattern.split('.')];
  const literals = (segments: readonly string[]) => segments.filter((segment) => !segment.startsWith('*')).length;
  const mask = (segments: readonly string[]) =>
    segments.map((segment) => (segment.startsWith('*') ? '1' : '0')).join('');
  return (
    literals(b) - literals(a) ||
    b.length - a.length ||
    Number(a.at(-1) === '**') - Number(b.at(-1) === '**') ||
    (mask(a) < mask(b) ? -1 : Number(mask(a) > mask(b)))
  );
}

const given = (settings: FamilySettings = {}): Partial<TopicFamily> =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
