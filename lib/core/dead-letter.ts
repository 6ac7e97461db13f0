/** @module Dead letters: what a delivery leaves behind when it cannot be handled (D7). */
import { InvalidArgumentError } from './errors.ts';
import type { Fault } from './fault.ts';
import type { GemstoneId } from './gemstone-id.ts';
import type { Message } from './message.ts';

export const DEAD_LETTER_FORMAT = 'guildwire.dead-letter';

/** The payload of a dead letter. */
export interface DeadLetter {
  readonly agent: string;
  readonly reason: string;
  /** Where the original lies. */
  readonly topic: string;
  readonly id: GemstoneId;
  readonly epoch: number;
  /** The whole original, unless its bytes could not be read. */
  readonly original?: Message;
  /** The bytes as they came, base64, if they could not be read. */
  readonly raw?: string;
  /** One for each failed attempt, oldest first. */
  readonly errors: readonly Fault[];
  readonly attempts: number;
  /** Unix ms. */
  readonly firstAttemptAt: number;
  readonly lastAttemptAt: number;
}

/**
 * What a message of the platform's under `$dead.<agent>` or `$errors` holds.
 *
 * @throws InvalidArgumentError for any other message.
 * @example
 * for (const letter of (await bus.read({ deadLettersOf: 'grammar' })).items) console.log(deadLetterOf(letter).reason);
 */
export function deadLetterOf(message: Message): DeadLetter {
  if (message.format === DEAD_LETTER_FORMAT) return message.payload as unknown as DeadLetter;
  const problem = `is a message of format "${message.format}": allowed is one of "${DEAD_LETTER_FORMAT}"`;
  throw new InvalidArgumentError([{ field: 'message', problem }]);
}

/**
 * Where the dead letter of a delivery goes, and whether it is delivered from there. The failed consumer of a dead letter
 * goes to `$errors`; the failed consumer of that is only stored, so that failures never feed on each other.
 */
export function deadLetterTopic(
  agent: string,
  failedOn: string,
): { readonly topic: string; readonly delivered: boolean } {
  if (failedOn.startsWith('$dead.')) return { topic: '$errors', delivered: true };
  return { topic: `$dead.${agent}`, delivered: failedOn !== '$errors' };
}
