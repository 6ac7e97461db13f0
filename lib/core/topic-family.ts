/** @module Topic families: the declared or inferred patterns of a guild, each topic in exactly one of them. */
import type { Format } from './format.ts';
import { covers, isReserved, matches } from './topic.ts';

export interface TopicFamily {
  readonly pattern: string;
  /** The formats that may be published there; empty for any. */
  readonly formats: readonly Format[];
  /** How long messages are kept, in days. It never takes what a subscription has not had. */
  readonly retentionDays: number;
}

export const DEFAULT_RETENTION_DAYS = 30;

const builtIn: TopicFamily = { pattern: '$**', formats: [], retentionDays: DEFAULT_RETENTION_DAYS };
const undeclared: TopicFamily = { pattern: '**', formats: [], retentionDays: DEFAULT_RETENTION_DAYS };

/** The families of one guild. */
export class TopicFamilies {
  readonly #families: readonly TopicFamily[];
  readonly #declared: readonly TopicFamily[];
  readonly #inferred: readonly TopicFamily[];
  readonly #allowUndeclared: boolean;

  /**
   * @param inferred Families that take only what no declared one does.
   * @param allowUndeclared Whether a topic in no family belongs to one more, which takes all.
   */
  constructor(declared: readonly TopicFamily[], allowUndeclared: boolean, inferred: readonly TopicFamily[] = []) {
    this.#declared = declared;
    this.#inferred = inferred;
    this.#families = [...declared.toSorted(bySpecificity), ...inferred.toSorted(bySpecificity)];
    this.#allowUndeclared = allowUndeclared;
  }

  /** The declared families, and one for each pattern in use that no declared one covers. */
  static of(declared: readonly TopicFamily[], used: readonly string[], allowUndeclared: boolean): TopicFamilies {
    const inferred = [...new Set(used)]
      .filter((pattern) => !isReserved(pattern) && !declared.some((family) => covers(family.pattern, pattern)))
      .map((pattern) => ({ pattern, formats: [], retentionDays: DEFAULT_RETENTION_DAYS }));
    return new TopicFamilies(declared, allowUndeclared, inferred);
  }

  /**
   * These families with other retentions. A pattern that is none of them becomes a family of its own, which takes the
   * formats of the narrowest declared one that covers it.
   */
  keeping(retentionDays: ReadonlyMap<string, number>): TopicFamilies {
    if (retentionDays.size === 0) return this;
    const kept = (family: TopicFamily): TopicFamily => ({
      ...family,
      retentionDays: retentionDays.get(family.pattern) ?? family.retentionDays,
    });
    const isNew = (pattern: string) => !this.#families.some((family) => family.pattern === pattern);
    const added = [...retentionDays].flatMap(([pattern, days]): TopicFamily[] => {
      if (!isNew(pattern)) return [];
      const wider = this.#declared.toSorted(bySpecificity).find((family) => covers(family.pattern, pattern));
      return [{ pattern, formats: wider?.formats ?? [], retentionDays: days }];
    });
    const inferred = this.#inferred.map(kept);
    return new TopicFamilies([...this.#declared.map(kept), ...added], this.#allowUndeclared, inferred);
  }

  get patterns(): readonly string[] {
    return this.#families.map((family) => family.pattern);
  }

  /** The one family that the topic belongs to; undefined if it is in none and undeclared topics are not allowed. */
  of(topic: string): TopicFamily | undefined {
    if (isReserved(topic)) return builtIn;
    const family = this.#families.find(({ pattern }) => matches(pattern, topic));
    return family ?? (this.#allowUndeclared ? undeclared : undefined);
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
