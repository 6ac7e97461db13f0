import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** What came of one test. */
export interface Finding {
  readonly suite: string;
  readonly test: string;
  readonly state: 'passed' | 'failed' | 'skipped' | 'pending';
  /** Why it was skipped or failed; undefined where nobody asked for it, or for no reason. */
  readonly note: string | undefined;
}

/** Writes all findings to standard output, as JSON. */
export default class FindingsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    process.stdout.write(JSON.stringify(tests.map(findingOf)));
  }
}

function findingOf(test: TestCase): Finding {
  const suite = test.fullName.split(' > ').find((name) => name.endsWith('keeps the delivery contract')) ?? '';
  const result = test.result();
  // Tests that run side by side are blamed for each other's promises.
  const errors = (result.errors ?? []).filter(({ message }) => !message.includes('was not awaited'));
  const state = result.state === 'failed' && errors.length === 0 ? 'passed' : result.state;
  const note = result.state === 'skipped' ? result.note : errors[0]?.message;
  return { suite, test: test.name, state, note };
}
