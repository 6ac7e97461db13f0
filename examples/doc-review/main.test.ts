import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const planted = fileURLToPath(new URL('fixtures/planted.md', import.meta.url));
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doc-review-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param onOutput Told of standard error as it comes. */
function run(
  args: readonly string[],
  onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void,
): Promise<Ended> {
  const child = spawn(process.execPath, ['--conditions=guildwire-source', main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    output.stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString();
    onOutput?.(output.stderr, (signal) => child.kill(signal));
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...output })));
}

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe('npm start', () => {
  test('shows progress and the report, with the time on standard error only', async () => {
    const { code, stdout, stderr } = await run([planted]);

    expect(code).toBe(0);
    expect(stderr).toMatch(
      /31 of 31 answers \(grammar 10, clarity 10, tone 10, structure 1\)\nReviewed in \d+\.\d s\n$/,
    );
    expect(stdout).toContain('20 suggestions: 5 grammar, 5 clarity, 5 tone, 5 structure\n');
    expect(stdout).toContain('15:31    grammar medium   “the the” → write “the”');
    expect(stdout).not.toContain('Reviewed in');
  });

  test('--json prints one JSON document and nothing else', async () => {
    const { code, stdout, stderr } = await run([planted, '--json']);

    expect([code, stderr]).toEqual([0, '']);
    const report = JSON.parse(stdout) as { document: string; partial: boolean; sections: { suggestions: object[] }[] };
    expect(report).toMatchObject({ document: 'planted.md', partial: false });
    expect(report.sections.flatMap(({ suggestions }) => suggestions)).toHaveLength(20);
    expect(report.sections.flatMap(({ suggestions }) => suggestions)[0]).toMatchObject({
      kind: 'grammar',
      severity: 'medium',
      line: 15,
    });
  });

  test('--output writes the report as Markdown', async () => {
    const path = join(folder, 'report.md');

    const { code, stdout } = await run([planted, '--output', path]);

    expect([code, stdout]).toEqual([
      0,
      `20 suggestions: 5 grammar, 5 clarity, 5 tone, 5 structure; the report is in ${path}\n`,
    ]);
    const report = await readFile(path, 'utf8');
    expect(report).toMatch(/^# Review of planted\.md\n\n20 suggestions/);
    expect(report).toContain('## Setting up a shop\n\n- **clarity** (low) at 35:56: `In order to`, write “To”.\n');
  });

  test('--help says what there is', async () => {
    const { code, stdout } = await run(['--help']);

    expect(code).toBe(0);
    expect(stdout).toContain('npm start -- path/to/document.md');
  });

  test.each([
    [
      'a file that is not there',
      () => ['no-such-file.md'],
      'doc-review: cannot read "no-such-file.md": there is no such file\n',
    ],
    ['a folder', () => [folder], /^doc-review: cannot read ".*": it is a folder\n$/],
    [
      'an empty file',
      async () => [await file('empty.md', ' \n\n')],
      /^doc-review: cannot review ".*empty\.md": it is empty\n$/,
    ],
    [
      'a binary file',
      async () => [await file('x.bin', new Uint8Array([80, 75, 0, 4]))],
      /it is no text \(a zero byte at 2\)\n$/,
    ],
    [
      'bytes that are no UTF-8',
      async () => [await file('x.txt', new Uint8Array([0x61, 0xff]))],
      /it is no text in UTF-8\n$/,
    ],
    [
      'an unknown option',
      () => ['--colour'],
      /^doc-review: Unknown option '--colour'; `npm start -- --help` shows what there is\n$/,
    ],
    ['two documents', () => ['a.md', 'b.md'], 'doc-review: one document at a time, 2 came: a.md b.md\n'],
    [
      '--output without a file',
      () => ['README.md', '--output'],
      /^doc-review: Option '--output <value>' argument missing.*\n$/,
    ],
    [
      'an output folder that is not there',
      () => [planted, '--output', '/no/such/folder/report.md'],
      /its folder is missing or not writable\n$/,
    ],
  ] as const)('%s ends with exit code 2 and one clear line', async (_, args, message) => {
    const { code, stdout, stderr } = await run(await args());

    expect([code, stdout]).toEqual([2, '']);
    if (typeof message === 'string') expect(stderr).toBe(message);
    else expect(stderr).toMatch(message);
    expect(stderr.trimEnd()).not.toContain('\n');
  });

  test('Ctrl-C finishes what runs, says so, and ends with exit code 130', async () => {
    const long = await file('long.md', (await readFile(planted, 'utf8')).repeat(30));

    let isKilled = false;
    const { code, stdout, stderr } = await run([long], (text, kill) => {
      if (isKilled || !text.includes('answers')) return;
      isKilled = true;
      kill('SIGINT');
    });

    expect([code, stdout]).toEqual([130, '']);
    expect(stderr).toMatch(/\nInterrupted: finishing what runs \(\d+ answers came\)\n$/);
  });

  test('a document of one word, and one without a line end, are reviewed', async () => {
    const [word, text] = [await file('word.md', 'Hello'), await file('text.txt', 'Plain text is is fine')];

    const [one, other] = [await run([word, '--json']), await run([text, '--json'])];

    expect([one.code, other.code]).toEqual([0, 0]);
    expect(JSON.parse(one.stdout)).toMatchObject({ sections: [{ heading: '', line: 1, suggestions: [] }] });
    expect(JSON.parse(other.stdout)).toMatchObject({ sections: [{ suggestions: [{ rule: 'repeated-word' }] }] });
  });
});
