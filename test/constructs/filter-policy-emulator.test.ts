import { CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type FilterPolicy, filterFor } from '../../lib/constructs/filter-policy.ts';
import { matches } from '../../lib/core/topic.ts';
import { type Emulators, startEmulators } from '../../lib/rehearsal/emulators.ts';
import { type Attributes, attributesOf, lets } from './policy-oracle.ts';

const seed = Number.parseInt(process.env.GUILDWIRE_TEST_SEED ?? '', 10) || Date.now() % 1_000_000_000;

/** As AWS documents them: string matching, and AND/OR logic. */
const documented: readonly [string, FilterPolicy, Partial<Attributes>, boolean][] = [
  ['exact, in an array', { s0: ['rugby', 'tennis'] }, { s0: 'tennis' }, true],
  ['exact, another', { s0: ['rugby', 'tennis'] }, { s0: 'baseball' }, false],
  ['exact, case-sensitive', { s0: ['rugby'] }, { s0: 'Rugby' }, false],
  ['prefix', { s0: [{ prefix: 'bas' }] }, { s0: 'baseball' }, true],
  ['prefix, elsewhere', { s0: [{ prefix: 'bas' }] }, { s0: 'rugby' }, false],
  ['suffix', { s0: [{ suffix: 'ball' }] }, { s0: 'baseball' }, true],
  ['suffix, elsewhere', { s0: [{ suffix: 'ball' }] }, { s0: 'rugby' }, false],
  ['anything-but', { s0: [{ 'anything-but': ['rugby', 'tennis'] }] }, { s0: 'baseball' }, true],
  ['anything-but, one of them', { s0: [{ 'anything-but': ['rugby', 'tennis'] }] }, { s0: 'rugby' }, false],
  ['anything-but, of a missing key', { s0: [{ 'anything-but': ['rugby'] }] }, { s1: 'rugby' }, false],
  ['exists', { s0: [{ exists: true }] }, { s0: '-' }, true],
  ['exists, of a missing key', { s0: [{ exists: true }] }, { s1: 'rugby' }, false],
  ['two conditions on a key are either', { s0: ['rugby', { prefix: 'bas' }] }, { s0: 'baseball' }, true],
  ['two keys are both', { s0: ['rugby'], s1: ['x'] }, { s0: 'rugby', s1: 'y' }, false],
  ['$or, its second branch', { $or: [{ s0: ['a'] }, { s1: ['b'] }] }, { s0: 'x', s1: 'b' }, true],
  ['$or, neither', { $or: [{ s0: ['a'] }, { s1: ['b'] }] }, { s0: 'x', s1: 'y' }, false],
  ['$or beside a key', { s2: ['c'], $or: [{ s0: ['a'] }, { s1: ['b'] }] }, { s0: 'a', s1: 'b', s2: 'd' }, false],
  ['$or beside a key, both', { s2: ['c'], $or: [{ s0: ['a'] }, { s1: ['b'] }] }, { s0: 'a', s1: 'x', s2: 'c' }, true],
];

test.each(documented)('the oracle knows %s', (_, policy, attributes, outcome) => {
  expect(lets(policy, attributes)).toBe(outcome);
});

test('the emulator of SNS agrees with the oracle on the documented cases', async () => {
  await using emulators = await startEmulators();
  const lab = new Lab(emulators);
  for (const [name, policy, attributes, outcome] of documented) {
    expect(await lab.passes([policy], [attributes]), name).toEqual([outcome ? [0] : []]);
  }
});

test(`policies made from patterns let through on the emulator what the matcher names (seed ${seed})`, async () => {
  await using emulators = await startEmulators();
  const lab = new Lab(emulators);
  const segment = fc.constantFrom('a', 'b');
  const pattern = fc
    .tuple(fc.array(fc.oneof(segment, fc.constant('*')), { maxLength: 3 }), fc.constantFrom('a', '*', '**'))
    .map(([segments, last]) => [...segments, last].join('.'));
  const topics = fc.sample(
    fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => segments.join('.')),
    { seed, numRuns: 25 },
  );
  const sets = fc.sample(fc.uniqueArray(pattern, { minLength: 1, maxLength: 3 }), { seed, numRuns: 40 });
  const filters = sets.map((patterns) =>
    filterFor({ agent: 'me', patterns, publishes: [], onlyWhenTagged: false }, '**'),
  );
  const sent = topics.map((topic) => attributesOf({ topic, priority: 4, sender: 'x', recipients: [] }));
  const passed = await lab.passes(
    filters.map((filter) => filter?.policy),
    sent,
  );

  for (const [index, patterns] of sets.entries()) {
    const named = topics.flatMap((topic, at) => (patterns.some((one) => matches(one, topic)) ? [at] : []));
    expect(passed[index], patterns.join(' ')).toEqual(expect.arrayContaining(named));
    if (filters[index]?.leftOut.length === 0)
      expect(passed[index]?.toSorted(), patterns.join(' ')).toEqual(named.toSorted());
  }
});

class Lab {
  readonly #sns: SNSClient;
  readonly #sqs: SQSClient;
  #count = 0;

  constructor({ endpoints, region, credentials }: Emulators) {
    this.#sns = new SNSClient({ endpoint: endpoints.sns, region, credentials });
    this.#sqs = new SQSClient({ endpoint: endpoints.sqs, region, credentials });
  }

  /** Which of the messages come through each of the policies. */
  async passes(policies: readonly (FilterPolicy | undefined)[], messages: readonly Partial<Attributes>[]) {
    const { TopicArn } = await this.#sns.send(new CreateTopicCommand({ Name: `topic-${this.#count++}` }));
    const queues: string[] = [];
    for (const policy of policies) {
      const { QueueUrl } = await this.#sqs.send(new CreateQueueCommand({ QueueName: `queue-${this.#count++}` }));
      const { Attributes } = await this.#sqs.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
      );
      await this.#sns.send(
        new SubscribeCommand({
          TopicArn,
          Protocol: 'sqs',
          Endpoint: Attributes?.QueueArn,
          Attributes: {
            RawMessageDelivery: 'true',
            ...(policy !== undefined && { FilterPolicy: JSON.stringify(policy) }),
          },
        }),
      );
      queues.push(QueueUrl ?? '');
    }
    for (const [index, attributes] of messages.entries()) {
      const MessageAttributes = Object.fromEntries(
        Object.entries(attributes).map(([key, StringValue]) => [key, { DataType: 'String', StringValue }]),
      );
      await this.#sns.send(new PublishCommand({ TopicArn, Message: String(index), MessageAttributes }));
    }
    return Promise.all(queues.map((queue) => this.#drain(queue)));
  }

  async #drain(QueueUrl: string): Promise<readonly number[]> {
    const found: number[] = [];
    for (;;) {
      const { Messages = [] } = await this.#sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
      if (Messages.length === 0) return found;
      found.push(...Messages.map(({ Body }) => Number(Body)));
    }
  }
}
