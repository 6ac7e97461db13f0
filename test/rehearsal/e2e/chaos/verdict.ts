import { DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Bus } from '../../../../lib/bus/bus.ts';
import type { Message } from '../../../../lib/core/message.ts';
import type { Rehearsal } from '../../../../lib/rehearsal/rehearsal.ts';
import { connectionOf } from '../stack.ts';
import { Part, Tally, Task } from './formats.ts';

export interface Verdict {
  /** One line for each thing that is not as it has to be. */
  readonly faults: readonly string[];
  readonly deadLetters: number;
  /** Deliveries whose end the ledger holds. */
  readonly ends: number;
}

export interface Judged {
  readonly bus: Bus;
  readonly rehearsal: Rehearsal;
  /** Tasks are numbered from 0. */
  readonly messages: number;
  /** Those that can only end as dead letters. */
  readonly bad: readonly number[];
}

/** Reads all that was said, the ledger, and what is left in the queues. */
export async function judge({ bus, rehearsal, messages, bad }: Judged): Promise<Verdict> {
  const numbers = Array.from({ length: messages }, (_, n) => n);
  const good = numbers.filter((n) => !bad.includes(n));
  const read = async <T>(topic: string, of: (message: Message) => T) => (await all(bus, topic)).map(of);
  const tasks = await read('tasks', ({ payload }) => Task.decode(payload).n);
  const parts = await read('parts', ({ payload }) => Part.decode(payload).n);
  const tallies = await read('tallied', ({ payload }) => Tally.decode(payload));
  const letters = await lettersOf(bus, 'splitter');
  const ends = await endsOf(rehearsal);
  return {
    deadLetters: letters.length,
    ends,
    faults: [
      ...notOnce('tasks', tasks, numbers),
      ...notOnce('parts', parts, good),
      ...notOnce(
        'tallies',
        tallies.map(({ n }) => n),
        good,
      ),
      // What is remembered was counted up once for each part.
      ...[...Map.groupBy(tallies, ({ key }) => key)].flatMap(([key, of]) =>
        notOnce(
          `counts of ${key}`,
          of.map(({ count }) => count),
          of.map((_, index) => index + 1),
        ),
      ),
      ...notOnce('dead letters', letters, bad),
      ...((await lettersOf(bus, 'tally')).length > 0 ? ['there are dead letters of tally'] : []),
      ...(ends === messages + good.length
        ? []
        : [`the ledger holds ${ends} ends of ${messages + good.length} deliveries`]),
      ...(await leftOver(rehearsal)),
    ],
  };
}

async function lettersOf(bus: Bus, agent: string): Promise<readonly number[]> {
  const { items } = await bus.read({ deadLettersOf: agent, limit: 1_000 });
  const keys = items.map(({ payload }) => {
    const { topic, id } = payload as { readonly topic: string; readonly id: string };
    return { topic, id } as Parameters<Bus['get']>[0][number];
  });
  return (await bus.get(keys)).map(({ payload }) => (payload as { readonly n: number }).n);
}

function notOnce(what: string, found: readonly number[], expected: readonly number[]): readonly string[] {
  const counts = new Map<number, number>();
  for (const n of found) counts.set(n, (counts.get(n) ?? 0) + 1);
  const known = new Set(expected);
  return Object.entries({
    missing: expected.filter((n) => !counts.has(n)),
    'there more than once': [...counts].filter(([, count]) => count > 1).map(([n]) => n),
    'there that should not be': [...counts.keys()].filter((n) => !known.has(n)),
  }).flatMap(([fault, of]) => (of.length === 0 ? [] : [`${of.length} ${what} ${fault}: ${of.slice(0, 5).join(', ')}`]));
}

async function all(bus: Bus, topic: string): Promise<readonly Message[]> {
  const found: Message[] = [];
  for (let page = await bus.read({ topic, limit: 1_000 }); ; ) {
    found.push(...page.items);
    if (page.next === undefined) return found;
    page = await bus.read({ topic, limit: 1_000, after: page.next });
  }
}

/** Rows of deliveries that say how these ended; what is only marked as begun does not count. */
async function endsOf(rehearsal: Rehearsal): Promise<number> {
  const { endpoints, region, credentials } = rehearsal;
  const client = new DynamoDBClient({ endpoint: endpoints.dynamodb, region, credentials });
  let ends = 0;
  const query = {
    TableName: connectionOf(rehearsal).ledgerTable,
    FilterExpression: '#sk = :delivery AND attribute_exists(#done)',
    ExpressionAttributeNames: { '#sk': 'sk', '#done': 'done' },
    ExpressionAttributeValues: { ':delivery': { S: 'delivery' } },
  };
  for await (const { Count = 0 } of paginateScan({ client }, query)) ends += Count;
  client.destroy();
  return ends;
}

const COUNTS = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;

/** No queue holds anything, the safety nets included. */
async function leftOver({ endpoints, region, credentials, resources }: Rehearsal): Promise<readonly string[]> {
  const client = new SQSClient({ endpoint: endpoints.sqs, region, credentials });
  const queues = resources.filter(({ type }) => type === 'AWS::SQS::Queue');
  const found = await Promise.all(
    queues.map(async ({ name, ref }) => {
      const command = new GetQueueAttributesCommand({ QueueUrl: String(ref), AttributeNames: [...COUNTS] });
      const { Attributes = {} } = await client.send(command);
      const count = COUNTS.reduce((sum, each) => sum + Number(Attributes[each] ?? 0), 0);
      return count === 0 ? [] : [`${count} are left in ${name}`];
    }),
  );
  client.destroy();
  return found.flat();
}
