/** @module What a program publishes, as the body of a request; checked as far as that can be done here. */
import type { PublishEntry } from '../../bus/bus.ts';
import { InvalidMessageError, PayloadInvalidError } from '../../core/errors.ts';
import type { Format } from '../../core/format.ts';
import { topicProblem } from '../../core/topic.ts';
import type { NewAttachment } from '../schemas/new-attachment.ts';

/** One entry for each format, so that each payload is checked against its own. */
export type Entries<Formats extends readonly Format[]> = {
  readonly [Index in keyof Formats]: PublishEntry<Formats[Index]>;
};

/** A message as JSON, in two parts. */
export interface Body {
  readonly topic: string;
  /** All but the payload; never empty. */
  readonly head: string;
  readonly payload: string | undefined;
}

/** With its payload in it. */
export const carrying = ({ head, payload }: Body): string =>
  payload === undefined ? head : `${head.slice(0, -1)},"payload":${payload}}`;

/** With the name of its payload, which was uploaded. */
export const naming = ({ head }: Body, attachment: NewAttachment): string =>
  `${head.slice(0, -1)},"attachment":${JSON.stringify(attachment)}}`;

/** @throws InvalidMessageError with every fault that can be seen here. */
export function toBody(entry: PublishEntry): Body {
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
  const head = { ...options, ...further, format: format.name, formatVersion: format.version };
  return { topic: topic as string, head: JSON.stringify(head), payload: JSON.stringify(wire) };
}
