/** @module What an attempt decides, as `maxOutputs` of a backend's features counts it. */
import type { Draft } from './message.ts';

/** Of a state value counts as one output. */
export const STATE_OUTPUT_BYTES = 32 * 1024;

/** A message counts once for each of its topics, and once for an idempotency key. */
export const outputsOf = ({ message: { topics, idempotencyKey } }: Draft): number =>
  topics.length + (idempotencyKey === undefined ? 0 : 1);

/** A key of the state counts once for each 32 KB begun of its value; one that is deleted counts once. */
export const outputsOfState = (bytes: number): number => Math.max(1, Math.ceil(bytes / STATE_OUTPUT_BYTES));
