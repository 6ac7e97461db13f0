/** @module A payload that is uploaded before the message that carries it. */
import * as z from 'zod/mini';
import { show } from '../../core/show.ts';
import { closed, field, name } from './fields.ts';

const lengthProblem = (value: unknown) =>
  Number.isSafeInteger(value) && (value as number) > 0
    ? undefined
    : `got ${show(value)}: allowed is a whole number from 1`;
const digestProblem = (value: unknown) =>
  typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
    ? undefined
    : `got ${show(value)}: allowed are 64 digits of 0-9 and a-f`;

export const NewAttachment = name(
  'NewAttachment',
  closed({
    bytes: field<number>(lengthProblem, {
      type: 'integer',
      minimum: 1,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'How long the JSON of the payload is, in UTF-8.',
    }),
    sha256: field<string>(digestProblem, {
      type: 'string',
      pattern: '^[0-9a-f]{64}$',
      minLength: 64,
      maxLength: 64,
      description: 'The SHA-256 of the JSON of the payload, in lower-case hexadecimal.',
    }),
  }).check(z.describe('A payload that lies beside the message: its JSON, as it was uploaded.')),
);
export type NewAttachment = z.output<typeof NewAttachment>;
