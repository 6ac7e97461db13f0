import { expect, test } from 'vitest';
import { bundleFaults } from '../../lib/constructs/bundle-faults.ts';

test('a package that is not found is told once, with what to do, and all else as it is', () => {
  const sdk = 'Could not resolve "@aws-sdk/client-sqs"';
  const faults = [
    { field: 'lib/calls.ts:10', problem: sdk },
    { field: 'lib/stats.ts:2', problem: sdk },
    { field: 'agents/clerk.ts:3', problem: 'Could not resolve "words/german"' },
    { field: 'agents/clerk.ts:4', problem: 'Could not resolve "./missing.ts"' },
    { field: 'agents/clerk.ts:5', problem: 'Could not resolve "./missing.ts"' },
    { field: 'agents/clerk.ts:9', problem: 'Expected ";" but found "}"' },
  ];
  const advice = 'install the package, which goes into the bundle';

  expect(bundleFaults(faults)).toEqual([
    { field: 'lib/calls.ts:10', problem: `${sdk}: ${advice}` },
    { field: 'agents/clerk.ts:3', problem: `Could not resolve "words/german": ${advice}` },
    ...faults.slice(3),
  ]);
});
