/** @module Names on AWS that a deployment and its functions derive by themselves, each from the same parts. */
import { createHash } from 'node:crypto';

/** The family of every reserved topic: `$inbox`, `$self`, `$dead`, `$errors`, `$topics`. */
export const SYSTEM_FAMILY = '$**';

/** The nine attributes of a message on SNS, always all set, `-` where there is nothing to say; a subscription filters by them. */
export const messageAttributes = ['topic', 's0', 's1', 's2', 's3', 'depth', 'priority', 'sender', 'recipient'] as const;

/** What an attribute says when there is nothing to say. */
export const NOTHING_TO_SAY = '-';
/** `recipient` of a message that names several. */
export const SEVERAL = '*';

/**
 * The name of the SNS topic of a family, behind the prefix of its stack. It differs between any two patterns, and has at
 * most 60 characters, so that with the prefix it stays within the 256 of SNS.
 */
export function familyTopicName(pattern: string, isOrdered: boolean): string {
  const end = isOrdered ? '.fifo' : '';
  if (pattern === SYSTEM_FAMILY) return `system${end}`;
  const slug = pattern
    .replaceAll('**', 'all')
    .replaceAll('*', 'any')
    .replaceAll(/[^A-Za-z0-9]+/g, '-')
    .slice(0, 44)
    .replace(/^-+|-+$/g, '');
  const hash = createHash('sha256').update(pattern).digest('hex').slice(0, 8);
  return `${slug}-${hash}${end}`;
}
