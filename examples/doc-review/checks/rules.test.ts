import { describe, expect, test } from 'vitest';
import type { Chunk } from '../split-document.ts';
import { checkClarity } from './clarity.ts';
import type { Finding } from './finding.ts';
import { checkGrammar } from './grammar.ts';
import { maskCode } from './mask-markup.ts';
import { checkStructure } from './structure.ts';
import { checkTone } from './tone.ts';

function chunk(text: string): Chunk {
  return { id: 'c0001', section: '', line: 1, column: 1, text };
}

function changes(findings: readonly Finding[]): string[] {
  return findings.map(({ rule, text, change }) => `${rule}: ${text} > ${change ?? '?'}`);
}

describe('grammar', () => {
  test('proposes the word that was meant', () => {
    const text =
      'It definately occured on teh neccessary enviroment, and the begining was wierd and alot of accomodation.';

    expect(checkGrammar(chunk(text)).map(({ change }) => change)).toEqual([
      'definitely',
      'occurred',
      'the',
      'necessary',
      'environment',
      'beginning',
      'weird',
      'a lot',
      'accommodation',
    ]);
  });

  test.each([
    'The colour and the color, the organisation and the organization.',
    'Repos, namespaces and configs of an async middleware with pub/sub and backpressure.',
    'Redeliver the acked messages to idempotent pollers; unbatched retries are resumable.',
    'Kysely, Hono and fooBar run `nspell` and nspell in src/utils_dir/parsr.ts.',
    'Don’t use a URL or an SQS queue for an npm package, a unified tool or a one-off.',
    'She said that that had had no effect; Duran Duran played.',
    'The Id of it’s owner is what it’s.',
  ])('lets pass: %s', (text) => {
    expect(checkGrammar(chunk(text))).toEqual([]);
  });

  test('stays quick and quiet on what is no language', () => {
    expect(checkGrammar(chunk('x'.repeat(8_000)))).toEqual([]);
  });
});

describe('clarity', () => {
  test('finds passives that name who acts, and those that hide it in the past', () => {
    const text = 'The file is carefully deleted by the worker. Mistakes were made. The value is stored in Redis.';

    expect(checkClarity(chunk(text)).map(({ text: hit }) => hit)).toEqual(['is carefully deleted', 'were made']);
  });

  test('keeps the capital letter of a phrase it shortens', () => {
    const text = 'In order to start, utilise the script\nin order\nto stop, leave.';

    expect(changes(checkClarity(chunk(text)))).toEqual([
      'wordy-phrase: In order to > To',
      'wordy-phrase: utilise > use',
      'wordy-phrase: in order to > to',
    ]);
  });

  test.each([
    'Messages are sorted by time and grouped by key. They were not sent. We count what was sent.',
    'It provides multiple functions with additional parameters of this type.',
  ])('lets pass: %s', (text) => {
    expect(checkClarity(chunk(text))).toEqual([]);
  });
});

describe('tone', () => {
  test('proposes to leave an intensifier out where that is all there is to do', () => {
    const text = 'It is very fast. Obviously, this is just a test.';

    expect(changes(checkTone(chunk(text)))).toEqual([
      'intensifier: very > ',
      'intensifier: Obviously > ?',
      'intensifier: just > ',
    ]);
  });

  test.each([
    'Kill the process, abort the job, execute the hook and fail; the host is invalid, the task is dead.',
    'It runs just before the start, not just once, at the very same time. It is quite-new.',
    'Ada Lovelace wrote her notes. The master branch hangs on a simple, special case.',
  ])('lets pass: %s', (text) => {
    expect(checkTone(chunk(text))).toEqual([]);
  });
});

describe('structure', () => {
  test('lets the same heading stand in different sections', () => {
    const text = '# Log\n\n## 1.1\n\n### Fixed\n\nA.\n\n## 1.0\n\n### Fixed\n\nB.\n\n### Fixed\n\nC.\n';

    expect(checkStructure(text).map(({ rule, line }) => `${rule} ${line}`)).toEqual(['duplicate-heading 15']);
  });

  test('tells a writer who always skips a level once', () => {
    const text = `# API\n\n${['a', 'b', 'c', 'd'].map((name) => `## ${name}\n\n#### Returns\n\nText.\n`).join('\n')}`;

    expect(checkStructure(text).map(({ explanation }) => explanation)).toEqual([
      'This heading of level 4 (so do 3 more) skips a level: make it level 3.',
    ]);
  });

  test.each([
    [
      'tasks, footnotes and brackets',
      '# T\n\n- [x] done\n- [ ] open\n\nText[^1] of a[i][j] and [^/] and [sic].\n\n[^1]: Note.\n',
    ],
    ['a script', '#!/bin/sh\n# one\n# two\necho https://example.com\n'],
    ['a log', '10:00 start https://example.com/\n----\n10:01 [x][y] stop\n----\n10:01 [x] stop\n'],
    ['a letter', `Dear all,\n\n${'many words '.repeat(1_000)}\n\nhttps://example.com\n`],
    ['nothing', ''],
  ])('finds nothing in %s', (_name, text) => {
    expect(checkStructure(text)).toEqual([]);
  });

  test('looks at no more of an endless paragraph than it can afford', () => {
    const text = `# T\n\n${'[a](b '.repeat(100_000)}\n\n# T\n`;

    expect(checkStructure(text).map(({ rule }) => rule)).toEqual(['long-section', 'duplicate-heading']);
  });
});

describe('input that breaks parsers', () => {
  test('link definitions right before an underlined heading are checked', () => {
    const text = '[a]: https://example.com/a\n[b]: https://example.com/b\nThe teh heading\n---\n\nAn teh [a] text.\n';

    expect(checkGrammar(chunk(text)).map(({ line }) => line)).toEqual([3, 6]);
  });

  test('a bare URL in brackets hides nothing around it', () => {
    const text = 'See teh list at [https://example.com/list] and\nteh end.';

    expect(checkGrammar(chunk(text)).map(({ line, column }) => `${line}:${column}`)).toEqual(['1:5', '2:1']);
  });

  test('text that cannot be parsed still has its code hidden', () => {
    const text = 'Then `teh` text.\n\n```\nteh\n```\n\nAnd ``teh `x` `` here.\n\n~~~\nteh';

    expect(maskCode(text).length).toBe(text.length);
    expect(maskCode(text)).not.toContain('teh');
    expect(maskCode(text)).toContain('here');
  });
});
