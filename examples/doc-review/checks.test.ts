import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkClarity } from './checks/clarity.ts';
import type { Finding } from './checks/finding.ts';
import { checkGrammar } from './checks/grammar.ts';
import { maskMarkup } from './checks/mask-markup.ts';
import { checkStructure } from './checks/structure.ts';
import { checkTone } from './checks/tone.ts';
import { type PlantedMistake, plantedMistakes } from './fixtures/planted.ts';
import { type Chunk, splitDocument } from './split-document.ts';

const planted = fixture('planted.md');
const clean = fixture('clean.md');
const proseChecks = { grammar: checkGrammar, clarity: checkClarity, tone: checkTone };

function fixture(name: string): string {
  return readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');
}

function review(text: string, chunks: readonly Chunk[] = splitDocument(text)): PlantedMistake[] {
  const found = Object.entries(proseChecks).flatMap(([kind, check]) => chunks.flatMap(check).map(locate(kind)));
  return [...found, ...checkStructure(text).map(locate('structure'))].toSorted(byPlace);
}

function locate(kind: string) {
  return ({ rule, line, column, text }: Finding) => ({ kind, rule, line, column, text }) as PlantedMistake;
}

function byPlace(a: PlantedMistake, b: PlantedMistake): number {
  return a.line - b.line || a.column - b.column || (a.rule < b.rule ? -1 : 1);
}

function chunk(text: string, place: Partial<Chunk> = {}): Chunk {
  return { id: 'c0001', section: '', line: 1, column: 1, text, ...place };
}

function places(findings: readonly Finding[]): string[] {
  return findings.map(({ rule, line, column, text }) => `${line}:${column} ${rule} ${text}`);
}

describe('planted.md', () => {
  test('has five mistakes of each kind where the list says', () => {
    const lines = planted.split('\n');

    for (const { line, column, text } of plantedMistakes) {
      const start = text.split('…')[0] ?? '';
      const written = [lines[line - 1]?.slice(column - 1), ...lines.slice(line, line + 4)].join(' ');
      expect(written.startsWith(start)).toBe(true);
    }
    const counts = Map.groupBy(plantedMistakes, ({ kind }) => kind);
    expect([...counts.values()].map((mistakes) => mistakes.length)).toEqual([5, 5, 5, 5]);
  });

  test('has all of them found by the right specialist, and nothing else', () => {
    expect(review(planted)).toEqual(plantedMistakes.toSorted(byPlace));
  });

  test('has the same findings with Windows line ends and a byte order mark', () => {
    expect(review(`\uFEFF${planted.replaceAll('\n', '\r\n')}`)).toEqual(plantedMistakes.toSorted(byPlace));
  });

  test('has the same findings in whatever order its chunks are checked', () => {
    const chunks = splitDocument(planted);

    fc.assert(
      fc.property(fc.shuffledSubarray(chunks, { minLength: chunks.length }), (shuffled) => {
        expect(review(planted, shuffled)).toEqual(plantedMistakes.toSorted(byPlace));
      }),
      { numRuns: 5 },
    );
  });
});

describe('clean.md', () => {
  test('has no findings', () => {
    expect(review(clean)).toEqual([]);
  });
});

describe('places', () => {
  test('are right in lists, quotes, tables and continued lines', () => {
    const text = [
      '- The first item',
      '  has the the word.',
      '> A quote with',
      '> an usual slip.',
      '',
      '| a | an table |',
      '|---|---|',
      '|\tb | teh cell |',
    ].join('\n');

    expect(places(checkGrammar(chunk(text, { line: 10 })))).toEqual([
      '11:7 repeated-word the the',
      '13:3 article an',
      '15:7 article an',
      '17:7 spelling teh',
    ]);
  });

  test('are right with every kind of line end', () => {
    for (const end of ['\n', '\r\n', '\r']) {
      const text = ['# Title', '', '1. One', `2. Two **an${end}   table**`, '', 'Then teh end.'].join(end);
      expect(places(checkGrammar(chunk(text)))).toEqual(['4:10 article an', '7:6 spelling teh']);
    }
  });

  test('are right in a chunk that starts inside a line', () => {
    expect(places(checkGrammar(chunk('and teh rest\nof an table', { line: 7, column: 101 })))).toEqual([
      '7:105 spelling teh',
      '8:4 article an',
    ]);
  });

  test('are right after characters that Markdown writes longer than they are', () => {
    const text = 'A &amp; \\* B 😀 `x` [link](https://e.org "title") then teh end.';

    expect(checkGrammar(chunk(text)).map(({ column }) => column)).toEqual([text.indexOf('teh') + 1]);
  });
});

describe('what is no prose', () => {
  const hidden = [
    '`teh the the`',
    '```\nteh the the\n```',
    '~~~\nteh\n\nteh teh\n~~~',
    '    teh the the',
    '<p>teh the the</p>',
    '<!-- teh\n\nthe the -->',
    'See <code>teh the the</code> and <https://teh.example.com/teh>.',
    'See https://example.com/teh and [text](teh "teh teh").',
    'Then $teh^{the the}$ and\n\n$$\nteh the the\n$$',
    '[text][teh] ends here.[^teh]',
    '![an apple][teh]',
  ];

  test.each(hidden)('is not checked: %j', (text) => {
    expect(checkGrammar(chunk(`Words.\n\n${text}`))).toEqual([]);
  });

  test('is painted over without moving anything', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...hidden, 'Some prose.', '# T', '- x', '> q', '---', '\t', '\r')),
        (parts) => {
          const text = parts.join('\n\n');
          const mask = maskMarkup(text, false);

          expect(mask.length).toBe(text.length);
          for (let at = 0; at < text.length; at += 1) {
            if (/\w/.test(mask[at] ?? '')) expect(mask[at]).toBe(text[at]);
          }
        },
      ),
    );
  });

  test('does not make a break past the start of the document front matter', () => {
    const text = '---\n\nThen teh text.\n\n---';

    expect(places(checkGrammar(chunk(text, { line: 5 })))).toEqual(['7:6 spelling teh']);
    expect(checkGrammar(chunk('---\ntitle: teh\n---\n'))).toEqual([]);
  });
});
