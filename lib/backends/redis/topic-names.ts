/** @module The topics in use, by name: what patterns are matched against. */
import type { GemstoneId } from '../../core/gemstone-id.ts';
import { matches } from '../../core/topic.ts';
import type { Cursor, Page } from '../backend.ts';
import type { Namespaces } from './namespace.ts';
import { list, rows, text } from './reply.ts';

const NAMES_PER_CALL = 1_000;
/** Sorts behind every reserved topic, and before every other. */
const BEHIND_RESERVED = '[%';

export class TopicNames {
  readonly #namespaces: Namespaces;

  constructor(namespaces: Namespaces) {
    this.#namespaces = namespaces;
  }

  /** A page in alphabetical order, without reserved topics. */
  async page(namespace: string, after: Cursor | undefined): Promise<Page<{ topic: string; lastId: GemstoneId }>> {
    const min = after === undefined ? BEHIND_RESERVED : `(${Buffer.from(after, 'base64url').toString()}`;
    const found = rows(await this.#namespaces.call('topics', namespace, [min, NAMES_PER_CALL]), 2);
    const items = found.map(([topic, id]) => ({ topic: text(topic), lastId: text(id) as GemstoneId }));
    const last = items.length < NAMES_PER_CALL ? undefined : items.at(-1);
    const next = last === undefined ? undefined : (Buffer.from(last.topic).toString('base64url') as Cursor);
    return { items: items.filter(({ lastId }) => lastId !== ('' as GemstoneId)), next };
  }

  /** Those that any of the patterns names, each once. */
  async matching(namespace: string, patterns: readonly string[]): Promise<readonly string[]> {
    const found = new Set(patterns.filter((pattern) => !pattern.includes('*')));
    for (const pattern of patterns) {
      if (found.has(pattern)) continue;
      for await (const name of this.#behind(namespace, literalStart(pattern))) {
        if (matches(pattern, name)) found.add(name);
      }
    }
    return [...found];
  }

  async *#behind(namespace: string, prefix: string): AsyncIterable<string> {
    let min = prefix === '' ? BEHIND_RESERVED : `[${prefix}`;
    for (;;) {
      // "~" sorts behind everything that a topic is made of.
      const names = list(await this.#namespaces.call('topic_names', namespace, [min, `(${prefix}~`, NAMES_PER_CALL]));
      for (const name of names) yield text(name);
      if (names.length < NAMES_PER_CALL) return;
      min = `(${text(names.at(-1))}`;
    }
  }
}

/** What every topic that the pattern names begins with. */
function literalStart(pattern: string): string {
  return pattern.slice(0, pattern.indexOf('*'));
}
