import fc from 'fast-check';
import remarkFrontmatter from 'remark-frontmatter';
import remarkGfm from 'remark-gfm';
import remarkParse from 'remark-parse';
import { unified } from 'unified';
import { describe, expect, test } from 'vitest';
import { type Chunk, splitDocument } from './split-document.ts';

const blocks = fc.constantFrom(
  'A paragraph.\nIt has two lines.',
  '# Heading *one*',
  '## Heading `two` ##',
  'Underlined\n===',
  '```js\ncode\n\n# no heading\n```',
  '~~~~\n~~~\n\ncode\n~~~~',
  '````\nunclosed ```\n\n- no item',
  '- item\n\n  more of it\n\n  ```\n  code\n\n  code\n  ```\n- item',
  '1. one\n2. two\n\n\n3. three',
  '> quote\n> ```\n> code\n> ```',
  '    indented\n\n    code',
  '<!-- comment\n\n# no heading -->',
  '<pre>\n\nx\n\n</pre>',
  '| a | b |\n|---|---|\n| c | d |',
  '---',
  '\ttab',
  '[a]: /b',
  'word '.repeat(500).trim(),
);
const documents = fc
  .tuple(
    fc.array(blocks, { maxLength: 12 }),
    fc.constantFrom('\n', '\r\n', '\r'),
    fc.constantFrom('', '\uFEFF'),
    fc.nat(3),
  )
  .map(([parts, end, mark, gaps]) => mark + parts.join('\n'.repeat(gaps)).replaceAll('\n', end) + end.repeat(gaps));

/** Tells where a chunk starts in a document without its byte order mark. */
function createOffsetOf(text: string): (chunk: Chunk) => number {
  const starts = [0, ...Array.from(text.matchAll(/\r\n|\n|\r/g), (end) => end.index + end[0].length)];
  return ({ line, column }) => (starts[line - 1] ?? Number.NaN) + column - 1;
}

function expectCovered(text: string): void {
  const document = text.replace(/^\uFEFF/, '');
  const chunks = splitDocument(text);
  const offsetOf = createOffsetOf(document);

  let end = 0;
  for (const chunk of chunks) {
    const start = offsetOf(chunk);
    expect(document.slice(start, start + chunk.text.length)).toBe(chunk.text);
    expect(document.slice(end, start).trim()).toBe('');
    end = start + chunk.text.length;
  }
  expect(document.slice(end).trim()).toBe('');
}

describe('every document', () => {
  test('is covered in order by verbatim slices at the stated places', () => {
    fc.assert(fc.property(documents, expectCovered));
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab #>-`~|[]:*1.\t\r\n'), maxLength: 200 }), expectCovered),
    );
  });

  test('is cut the same way each time, with ids in order', () => {
    fc.assert(
      fc.property(documents, (text) => {
        const chunks = splitDocument(text);

        expect(splitDocument(text)).toEqual(chunks);
        expect(chunks.map(({ id }) => id)).toEqual(chunks.map((_, index) => `c${String(index + 1).padStart(4, '0')}`));
      }),
    );
  });

  test('keeps each piece of code in one chunk', () => {
    const parser = unified().use(remarkParse).use(remarkGfm).use(remarkFrontmatter);

    fc.assert(
      fc.property(fc.array(blocks, { maxLength: 12 }), (parts) => {
        const text = parts.join('\n\n');
        const offsetOf = createOffsetOf(text);
        const chunks = splitDocument(text).map((chunk) => ({ start: offsetOf(chunk), text: chunk.text }));

        for (const { type, position } of parser.parse(text).children) {
          const [start, end] = [position?.start.offset ?? 0, position?.end.offset ?? 0];
          const holder = chunks.find((chunk) => chunk.start <= start && end <= chunk.start + chunk.text.length);
          if (type === 'code') expect(holder).toBeDefined();
        }
      }),
    );
  });
});

describe('chunks', () => {
  test('belong to one section and start with its heading', () => {
    const text = 'Before.\n\n# One [link](x) `code`\n\nA.\n\nTwo\nlines\n---\nB.\n\n### Three ###\n';

    expect(splitDocument(text).map(({ section, line, text: part }) => [section, line, part])).toEqual([
      ['', 1, 'Before.'],
      ['One link code', 3, '# One [link](x) `code`\n\nA.'],
      ['Two lines', 7, 'Two\nlines\n---\nB.'],
      ['Three', 12, '### Three ###'],
    ]);
  });

  test('have at most 2,000 characters when their blocks are shorter', () => {
    const chunks = splitDocument(`${'A short paragraph of prose.\n\n'.repeat(1_000)}`);

    expect(Math.max(...chunks.map(({ text }) => text.length))).toBeLessThanOrEqual(2_000);
    expect(chunks.length).toBeLessThan(20);
  });

  test('take front matter as one block that opens no section', () => {
    const [first] = splitDocument('---\ntitle: x\n\n# no heading\n---\n\nText.\n');

    expect(first).toMatchObject({ section: '', line: 1, text: '---\ntitle: x\n\n# no heading\n---\n\nText.' });
  });
});

describe('a block that is far too long', () => {
  const sizes = (text: string): number[] => splitDocument(text).map((chunk) => chunk.text.length);

  test.each([
    ['lines', 'A line of prose that ends with a stop.\n'.repeat(25_000)],
    ['one line of sentences', 'A sentence. '.repeat(80_000)],
    ['one line of words', 'word '.repeat(200_000)],
    ['one word', 'x'.repeat(1_000_000)],
    ['emoji', '😀'.repeat(20_000)],
    ['list items', '- item\n  more\n'.repeat(70_000)],
    ['quoted lines', '> quoted words\n'.repeat(60_000)],
    ['rows', `| a | b |\n|---|---|\n${'| some | cells |\n'.repeat(60_000)}`],
    ['a heading that is no heading', `# ${'word '.repeat(200_000)}`],
  ])('is cut: %s', (_name, text) => {
    expectCovered(text);
    expect(Math.max(...sizes(text))).toBeLessThanOrEqual(8_000);
    expect(splitDocument(text).every((chunk) => chunk.text.isWellFormed())).toBe(true);
  });

  test('is cut before list items and after sentences where it can be', () => {
    const list = splitDocument('- item\n  more of it\n'.repeat(1_000));
    const prose = splitDocument('A sentence.  Another\none. '.repeat(1_000));

    expect(list.every((chunk) => chunk.text.startsWith('- item'))).toBe(true);
    expect(prose.every((chunk) => chunk.text.startsWith('A sentence') || chunk.text.startsWith('one'))).toBe(true);
  });

  test.each([
    ['a fence', `\`\`\`\n${'code\n\n'.repeat(5_000)}\`\`\``],
    ['a fence in a list', `- ${'item\n- '.repeat(2_000)}\n  \`\`\`\n${'  code\n\n'.repeat(2_000)}  \`\`\`\n- end`],
    ['a comment', `<!--\n${'text\n\n'.repeat(5_000)}-->`],
  ])('is not cut inside %s', (_name, text) => {
    const chunks = splitDocument(text).filter((chunk) => chunk.text.includes('code') || chunk.text.includes('text'));

    expect(chunks).toHaveLength(1);
    expectCovered(text);
  });
});
