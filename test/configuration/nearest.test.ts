import { expect, test } from 'vitest';
import { loadProblem, placeOf } from '../../lib/configuration/load-problem.ts';
import { masked } from '../../lib/configuration/masked.ts';
import { didYouMean } from '../../lib/configuration/nearest.ts';
import { NotFoundError } from '../../lib/core/errors.ts';

test('the nearest name is meant, if it is near', () => {
  const names = ['grammar', 'clarity', 'tone'];

  expect(didYouMean('grammer', names)).toBe('did you mean grammar?');
  expect(didYouMean('tnoe', names)).toBe('did you mean tone?');
  expect(didYouMean('TONE', names)).toBe('did you mean tone?');
  expect(didYouMean('coordinator', names)).toBe('there are grammar, clarity, tone');
  expect(didYouMean('x', [])).toBe('there is none');
});

test('a password in a URL is not shown', () => {
  expect(masked('redis://me:secret@host:6379/1')).toBe('redis://me:…@host:6379/1');
  expect(masked('redis://:s:e@c/ret@host')).not.toContain('s:e');
  expect(masked('http://host:4100/a:b@c')).toBe('http://host:4100/a:b@c');
  expect(masked('./backend.ts')).toBe('./backend.ts');
});

test('what a file of the user throws is told in one line, with a place in their files', () => {
  const thrown = new Error('no luck\nand more');
  thrown.stack = `Error: no luck\n    at node:internal/x:1:1\n    at run (file://${process.cwd()}/agents/one.ts?v=3:14:7)`;

  expect(loadProblem(thrown)).toBe('no luck (agents/one.ts:14:7)');
  expect(loadProblem('text')).toBe('it throws "text"');
  expect(loadProblem(new NotFoundError('x'))).toBe(new NotFoundError('x').message);
  expect(placeOf('Error\n    at node:internal/modules/run_main:1:2')).toBeUndefined();
  expect(placeOf('    at /elsewhere/b.js:1:2')).toBe('/elsewhere/b.js:1:2');
});
