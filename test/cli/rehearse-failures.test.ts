import { expect, test } from 'vitest';
import { Failures } from '../../lib/cli/rehearse/failures.ts';
import { failurePayload } from '../../lib/rehearsal/functions/invocation.ts';

const done = (functionName: string, payload: string) => ({
  ...{ functionName, payload, functionError: undefined, requestId: 'r', durationMs: 1, initMs: undefined },
  ...{ event: '{}', startedAt: 0 },
});
const failed = (functionName: string, payload: string) =>
  ({ ...done(functionName, payload), functionError: 'Unhandled' }) as const;

test('a function whose invocations fail is told with how often they did, and why the last one', () => {
  const failures = new Failures();

  failures.ended(failed('pricer', JSON.stringify({ errorType: 'TypeError', errorMessage: 'x is\nundefined' })));
  failures.ended(
    failed('pricer', failurePayload('Runtime.ExitError', 'r-1', 'Runtime exited with error: exit status 7')),
  );
  failures.ended(failed('till', JSON.stringify({ errorType: 'TypeError', errorMessage: 'x is\nundefined' })));
  failures.ended(done('splitter', '{"batchItemFailures":[{"itemIdentifier":"1"}]}'));

  expect(failures.all).toEqual([
    { functionName: 'pricer', times: 2, why: 'Runtime.ExitError: Runtime exited with error: exit status 7' },
    { functionName: 'till', times: 1, why: 'TypeError: x is undefined' },
  ]);
});
