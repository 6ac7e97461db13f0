/** What no emulator shows: an index that gives the copies of one id in any order, and in different pages. */
import { expect, test } from 'vitest';
import { AwsCalls } from '../../../../lib/backends/aws/calls/aws-calls.ts';
import { DynamoDBCalls } from '../../../../lib/backends/aws/calls/dynamodb-calls.ts';
import { Merge } from '../../../../lib/backends/aws/log/merge.ts';
import { indexSource } from '../../../../lib/backends/aws/log/sources.ts';
import type { GemstoneId } from '../../../../lib/core/gemstone-id.ts';
import { emulatedSettings } from '../../../aws-emulators/emulated-settings.ts';
import { startScriptedServer } from '../../../aws-emulators/scripted-server.ts';

const tables = { messagesTable: 'Messages', ledgerTable: 'Ledger' };
const credentials = { accessKeyId: 'a', secretAccessKey: 'b' } as never;
const id = (n: number) => `01JD000000000000000000000${n}` as GemstoneId;

async function open(pages: readonly (readonly string[])[]) {
  const server = await startScriptedServer((index) => ({
    body: {
      Items: pages[index]?.map((place) => {
        const [sk = '', topic = ''] = place.split('/');
        return { pk: { S: `test#${topic}#0` }, sk: { S: sk }, thread: { S: 'test#root' } };
      }),
      ...(index < pages.length - 1 && { LastEvaluatedKey: { sk: { S: 'more' } } }),
    },
  }));
  const endpoints = { dynamodb: server.url, sqs: '', sns: '', s3: '' };
  const calls = new AwsCalls(emulatedSettings({ endpoints, region: 'us-east-1', credentials }, tables));
  return { server, options: { dynamodb: new DynamoDBCalls(calls), namespace: 'test', signal: undefined } };
}
const of = { index: 'byThread', name: 'thread', value: 'test#root' };

test('copies of one id come in the order of their topics, whatever the order and the pages they are read in', async () => {
  const up = [[`${id(1)}/z`, `${id(2)}/d`], [`${id(2)}/b`], [], [`${id(2)}/c`, `${id(3)}/a`]];
  const places = [`${id(1)}/z`, `${id(2)}/b`, `${id(2)}/c`, `${id(2)}/d`, `${id(3)}/a`];

  for (const isDescending of [false, true]) {
    const { server, options } = await open(isDescending ? up.toReversed().map((page) => page.toReversed()) : up);
    await using _ = server;
    const merge = new Merge([indexSource({ ...options, range: { isDescending } }, of)], isDescending, 2);
    const got = [...(await merge.take(2)), ...(await merge.take(10))];

    expect(got.map((place) => `${place.id}/${place.topic}`)).toEqual(isDescending ? places.toReversed() : places);
    expect(server.asked[0]?.input).toMatchObject({ IndexName: 'byThread', ScanIndexForward: !isDescending });
  }
});

test('copies up to the place that a cursor names are left out', async () => {
  const { server, options } = await open([[`${id(2)}/d`, `${id(2)}/b`, `${id(2)}/c`, `${id(3)}/a`]]);
  await using _ = server;
  const range = { isDescending: false, after: { id: id(2), topic: 'c' } };

  const got = await new Merge([indexSource({ ...options, range }, of)], false, 10).take(10);

  expect(got.map((place) => `${place.id}/${place.topic}`)).toEqual([`${id(2)}/d`, `${id(3)}/a`]);
});
