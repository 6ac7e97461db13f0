import { LambdaClient, ListEventSourceMappingsCommand, UpdateEventSourceMappingCommand } from '@aws-sdk/client-lambda';
import { expect, test } from 'vitest';
import { sendUnrelayed } from '../../../lib/backends/aws/relay/unrelayed.ts';
import { Stage } from '../../../lib/cli/rehearse/stage.ts';
import type { Rehearsal } from '../../../lib/rehearsal/rehearsal.ts';
import crowd, { names } from './fixtures/crowd.ts';
import { Note, Seen } from './fixtures/note.ts';
import { connectionOf, synthesized } from './stack.ts';

/** Turns the mapping of the log's stream off or on, as an operator would. */
async function switchRelay({ endpoints, region, credentials }: Rehearsal, isOn: boolean): Promise<void> {
  const client = new LambdaClient({ endpoint: endpoints.lambda, region, credentials });
  const { EventSourceMappings = [] } = await client.send(new ListEventSourceMappingsCommand());
  const { UUID } = EventSourceMappings.find(({ EventSourceArn }) => EventSourceArn?.includes('/stream/')) ?? {};
  await client.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: isOn }));
  client.destroy();
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

test('what was stored while the relay was off for longer than the stream keeps it is handled once, when it is sent again', async () => {
  using assembly = synthesized({ guild: crowd });
  await using stage = await Stage.open({
    assembly: assembly.folder,
    stack: undefined,
    namespace: undefined,
    timeoutMs: 120_000,
    log: undefined,
  });
  const { rehearsal, client } = stage;
  const publish = (numbers: readonly number[]) =>
    client.publishMany(numbers.map((n) => ({ topics: 'notes', format: Note, payload: { n } })));
  const seen = async () => {
    const { items } = await client.read({ topic: 'seen', limit: 1_000 });
    return items.map(({ payload }) => Seen.decode(payload)).map(({ n, by }) => `${by} ${n}`);
  };
  const expected = (numbers: readonly number[]) => names.flatMap((name) => numbers.map((n) => `${name} ${n}`));

  const since = Date.now();
  await publish(range(0, 5));
  await stage.settled();
  await switchRelay(rehearsal, false);
  await publish(range(5, 15));
  rehearsal.trimStreams();
  await switchRelay(rehearsal, true);
  await stage.settled();
  await publish(range(15, 20));
  await stage.settled();

  const relayed = [...range(0, 5), ...range(15, 20)];
  expect((await seen()).toSorted()).toEqual(expected(relayed).toSorted());

  const sent = await sendUnrelayed(connectionOf(rehearsal), { since });
  await stage.settled();

  expect(sent).toBeGreaterThanOrEqual(20);
  const found = await seen();
  expect([...new Set(found)].toSorted()).toEqual(expected(range(0, 20)).toSorted());
  // Agents that promise no more than at least once may answer again what had been relayed before.
  const exactly = names.filter((_, index) => index % 3 === 0);
  const once = found.filter((one) => exactly.some((name) => one.startsWith(`${name} `)));
  expect(once).toHaveLength(exactly.length * 20);
}, 180_000);
