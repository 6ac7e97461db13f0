import { App, Stack, Token } from 'aws-cdk-lib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_PIECE, MAX_PIECES, piecesOf } from '../../lib/constructs/connection.ts';
import { Guild } from '../../lib/constructs/guild.ts';
import { connectionPiece, connectionText } from '../../lib/environment/aws-outputs.ts';
import { testSeed } from '../../lib/environment/variables.ts';
import { defineGuild } from '../../lib/guild/define-guild.ts';
import writer from './fixtures/agents/writer.ts';
import { emptyStack } from './stack-of.ts';

const seed = testSeed() ?? 20_260_301;
/** The longest that a name of the platform's making is. */
const LONGEST = 'v'.repeat(255);

/** What a deployment makes of it, where every value is as long as it can be. */
function deployed(value: string, stack: Stack): string {
  const resolved: unknown = stack.resolve(value);
  if (typeof resolved === 'string') return resolved;
  const { 'Fn::Join': [, parts] = ['', [resolved]] } = resolved as { readonly 'Fn::Join'?: [string, unknown[]] };
  return parts.map((part) => (typeof part === 'string' ? part : LONGEST)).join('');
}

test(`no piece is too long whatever the values become, and together they say what was said (seed ${seed})`, () => {
  const stack = new Stack(new App({ analyticsReporting: false }), 'Any');
  const value = fc.record({
    known: fc.string({ unit: 'grapheme', maxLength: 3_000 }),
    unknown: fc.array(fc.constant(undefined), { maxLength: 30 }),
  });

  fc.assert(
    fc.property(fc.array(value, { maxLength: 8 }), (values) => {
      let tokens = 0;
      const given = values.map(({ known, unknown }) => ({
        known,
        unknown: unknown.map(() => Token.asString({ Ref: `Value${tokens++}` })),
      }));
      const pieces = piecesOf(JSON.stringify(given)).map((piece) => deployed(piece, stack));
      const outputs = Object.fromEntries(pieces.map((piece, index) => [connectionPiece(index), piece]));

      expect(Math.max(...pieces.map((piece) => Buffer.byteLength(piece)))).toBeLessThanOrEqual(MAX_PIECE);
      expect(JSON.parse(connectionText(outputs) ?? '')).toEqual(
        values.map(({ known, unknown }) => ({ known, unknown: unknown.map(() => LONGEST) })),
      );
    }),
    { seed, numRuns: 100 },
  );
});

test('fails when the outputs of the stack cannot hold it, with the limit and what it takes', () => {
  const families = Object.fromEntries(Array.from({ length: 6_000 }, (_, index) => [`family-${index}.*`, {}]));
  const guild = defineGuild({ name: 'huge', agents: [writer], topics: { ...families, '**': {} } });

  expect(() => new Guild(emptyStack(), 'Guild', { guild })).toThrow(
    new RegExp(
      `Alone/Guild cannot be deployed: connection: takes \\d+ outputs of ${MAX_PIECE} characters but the limit is ${MAX_PIECES}`,
    ),
  );
});
