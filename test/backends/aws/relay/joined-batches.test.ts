import { setImmediate as tick } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { JoinedBatches } from '../../../../lib/backends/aws/relay/joined-batches.ts';
import { type Publication, Publisher } from '../../../../lib/backends/aws/relay/publisher.ts';
import { BackendUnavailableError, type GuildwireError } from '../../../../lib/core/errors.ts';

const none = { topic: '-', s0: '-', s1: '-', s2: '-', s3: '-', depth: '1', priority: '4', sender: '-', recipient: '-' };

const publication = (name: string, topicArn = 'arn:s'): Publication => ({
  topicArn,
  isOrdered: false,
  entry: { body: name, attributes: none, groupId: 'g', deduplicationId: name },
});
const named = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => `${from + n}`);

/** Calls of SNS that are answered when a test says so, in the order in which they were made. */
function slowSns() {
  const calls: string[] = [];
  const open: ((outcomes: readonly (GuildwireError | undefined)[]) => void)[] = [];
  const batches = new JoinedBatches(
    new Publisher((_, entries) => {
      calls.push(entries.map(({ body }) => body).join(' '));
      return new Promise((resolve) => open.push(resolve));
    }),
  );
  return {
    batches,
    calls,
    give: (names: readonly string[], topicArn?: string) =>
      Promise.all(names.map((name) => batches.publish(publication(name, topicArn)))),
    async answer(outcomes: readonly (GuildwireError | undefined)[]) {
      open.shift()?.(outcomes);
      await tick();
    },
  };
}
const taken = (count: number) => Array<undefined>(count).fill(undefined);

test('what comes at once goes together, and one that comes alone waits for nobody', async () => {
  const { calls, give, answer } = slowSns();

  void give(['1']);
  await tick();
  await answer(taken(1));
  void give(['2', '3']);
  await tick();

  expect(calls).toEqual(['1', '2 3']);
});

test('what comes while a call is under way goes when it is back, but ten go at once', async () => {
  const { calls, give, answer } = slowSns();
  void give(['1']);
  await tick();

  void give(named(2, 8));
  await tick();
  void give(named(9, 14));
  await tick();
  expect(calls).toEqual(['1', named(2, 11).join(' ')]);

  await answer(taken(1));
  expect(calls).toHaveLength(2);
  await answer(taken(10));
  expect(calls).toEqual(['1', named(2, 11).join(' '), '12 13 14']);
});

test('where no more will come, what waits goes, whatever is under way', async () => {
  const { batches, calls, give } = slowSns();
  void give(['1']);
  await tick();
  void give(['2', '3']);
  await tick();
  expect(calls).toEqual(['1']);

  batches.close();
  await tick();

  expect(calls).toEqual(['1', '2 3']);
});

test('no more than eight calls for a topic are under way, and no topic waits for another', async () => {
  const { batches, calls, give, answer } = slowSns();

  void give(named(1, 95));
  void give(['other'], 'arn:t');
  batches.close();
  await tick();

  expect(calls.toSorted()).toEqual([...named(0, 7).map((n) => named(+n * 10 + 1, +n * 10 + 10).join(' ')), 'other']);
  await answer(taken(10));
  expect(calls.at(-1)).toBe(named(81, 90).join(' '));
  await answer(taken(10));
  expect(calls.at(-1)).toBe(named(91, 95).join(' '));
});

test('each learns what SNS said to it alone; one that the answer does not name was not taken', async () => {
  const down = new BackendUnavailableError('SNS is down');
  const { give, answer } = slowSns();
  const outcomes = give(['1', '2', '3', '4']);
  await tick();

  await answer([undefined, down, undefined]);

  expect(await outcomes).toEqual([undefined, down, undefined, expect.any(BackendUnavailableError)]);
});
