import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { blocksOf, normalized, walkThrough } from '../scripts/readme-outputs.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** If this fails and the README is what is out of date: `npx node scripts/readme-outputs.ts` writes it anew. */
test('the walk-through of the README prints what the README says', async () => {
  const blocks = blocksOf(readme);

  const texts = await walkThrough(blocks);

  expect(blocks.map(({ language }) => language)).toEqual([
    ...['console', 'console', 'text', 'console', 'diff', 'text', 'console', 'text', 'console'],
  ]);
  expect(normalized(texts)).toEqual(normalized(blocks.map(({ text }) => text)));
});
