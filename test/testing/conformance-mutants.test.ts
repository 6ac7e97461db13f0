import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { mutants } from './mutants/mutants.ts';
import type { Finding } from './mutants/reporter.ts';

const suiteOf = (name: string) => `${name} keeps the delivery contract`;
const linesOf = (title: string) => /^(?:[A-Z]\d+ )+/.exec(title)?.[0].trim().split(' ') ?? [];
let findings: readonly Finding[];
const of = (name: string) => findings.filter(({ suite }) => suite === suiteOf(name));

/** All tests of the backends that are whole, and for each mutant those of its lines. */
function pattern(): string {
  const broken = mutants.map(({ name, lines }) => `broken > ${suiteOf(name)} .* (${lines.join('|')}) `);
  return `^(${[suiteOf('the (whole|modest) backend'), ...broken].join('|')})`;
}

beforeAll(async () => {
  const root = join(import.meta.dirname, '../..');
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST'));
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const config = join(import.meta.dirname, 'mutants/vitest.config.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [vitest, 'run', '--config', config, '-t', pattern()], {
    cwd: root,
    env: { ...Object.fromEntries(inherited), GUILDWIRE_TEST_SEED: '1' },
    maxBuffer: 2 ** 26,
    // It ends with failures, as it should.
  }).catch((ended: { readonly stdout: string }) => ended);
  expect(stdout).toMatch(/^\[\{/);
  findings = JSON.parse(stdout);
}, 120_000);

test('a whole backend passes every test', () => {
  expect(of('the whole backend').length).toBeGreaterThan(140);
  expect(of('the whole backend').filter(({ state }) => state === 'failed')).toEqual([]);
});

test('a backend that lacks what one may lack passes too: what it cannot do is skipped, with a reason', () => {
  const skipped = of('the modest backend').filter(({ state }) => state === 'skipped');

  expect(of('the modest backend').filter(({ state }) => state === 'failed')).toEqual([]);
  expect(skipped.filter(({ note }) => note === undefined)).toEqual([]);
  const held = new Set(of('the modest backend').flatMap((each) => (each.state === 'passed' ? linesOf(each.test) : [])));
  const unheld = skipped.flatMap(({ test: title }) => linesOf(title)).filter((line) => !held.has(line));
  expect([...new Set(unheld)]).toEqual([]);
});

test('every line of the contract has a mutant that breaks it', () => {
  const held = new Set(of('the whole backend').flatMap(({ test: title }) => linesOf(title)));
  const broken = new Set(mutants.flatMap(({ lines }) => lines));

  expect([...held].filter((line) => !broken.has(line))).toEqual([]);
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
});

test.each(mutants.map((each) => ({ ...each, at: each.lines.join(', ') })))('$at: $name', ({ name, lines }) => {
  const failed = of(name).filter(({ state }) => state === 'failed');
  const told = new Set(failed.flatMap(({ test: title }) => linesOf(title)));

  expect(lines.filter((line) => !told.has(line))).toEqual([]);
});
