/** @module Formats by name: those of the guild check payloads at the edge, others are taken as they are. */
import { InvalidMessageError } from '../core/errors.ts';
import { type Format, genericJson } from '../core/format.ts';
import type { Json } from '../core/json.ts';
import type { TopicFamilies } from '../core/topic-family.ts';
import type { Agent } from '../guild/define-agent.ts';
import type { Guild } from '../guild/define-guild.ts';

/** A format that takes any JSON under its name. */
export function untypedFormat(name: string, version: number): Format<string, Json, Json> {
  return { name, version, encode: (payload) => genericJson.encode(payload), decode: (wire) => wire };
}

export class KnownFormats {
  readonly #handled = new Map<string, Format>();
  readonly #families: TopicFamilies | undefined;

  constructor(guild: Guild | undefined, families: TopicFamilies | undefined) {
    this.#families = guild?.families ?? families;
    for (const { handlers } of Object.values<Agent>(guild?.agents ?? {}))
      for (const { format } of handlers) if (format !== undefined) this.#handled.set(format.name, format);
  }

  /**
   * The format of that name. One that nobody here knows takes any JSON.
   *
   * @throws InvalidMessageError for a version that is not the known one's.
   */
  of(topics: readonly string[], name: string = genericJson.name, version?: number): Format {
    const known = this.#handled.get(name) ?? this.#ofFamilies(topics, name);
    if (known === undefined) return name === genericJson.name ? genericJson : untypedFormat(name, version ?? 1);
    if (version === undefined || version === known.version) return known;
    const problem = `got ${version}: "${name}" is known here in version ${known.version}`;
    throw new InvalidMessageError([{ field: 'formatVersion', problem }]);
  }

  #ofFamilies(topics: readonly string[], name: string): Format | undefined {
    for (const topic of topics) {
      const found = this.#families?.of(topic)?.formats.find((format) => format.name === name);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
