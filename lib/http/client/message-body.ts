/** @module What a program publishes, as the body of a request; checked as far as that can be done here. */
import type { PublishEntry } from '../../bus/bus.ts';
import { InvalidMessageError, PayloadInvalidError } from '../../core/errors.ts';
import type { Format } from '../../core/format.ts';
import { topicProblem } from '../../core/topic.ts';

/** One entry for each format, so that each payload is checked against its own. */
export type Entries<Formats extends readonly Format[]> = {
  readonly [Index in keyof Formats]: PublishEntry<Formats[Index]>;
};

/** @throws InvalidMessageError with every fault that can be seen here. */
export function toBody(entry: PublishEntry): { readonly topic: string; readonly body: string } {
  const { topics, format, payload, options = {} } = (entry ?? {}) as PublishEntry;
  const named: readonly unknown[] = Array.isArray(topics) ? topics : [topics];
  const faults = named.flatMap((topic) => {
    const problem = topicProblem(topic);
    return problem === undefined ? [] : [{ field: 'topics', problem }];
  });
  if (named.length === 0)
    faults.push({ field: 'topics', problem: 'is empty: allowed is a topic, or an array of them' });
  let wire: unknown;
  try {
    wire = format.encode(payload);
  } catch (error) {
    if (!(error instanceof PayloadInvalidError)) throw error;
    faults.push(...error.faults);
  }
  if (faults.length > 0) throw new InvalidMessageError(faults);
  const [topic, ...others] = named as readonly string[];
  const further = others.length > 0 && { topics: others };
  const message = { ...options, ...further, format: format.name, formatVersion: format.version, payload: wire };
  return { topic: topic as string, body: JSON.stringify(message) };
}
