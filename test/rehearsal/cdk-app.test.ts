import { rmSync } from 'node:fs';
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Rehearsal } from '../../lib/rehearsal/rehearsal.ts';
import { rehearse } from '../../lib/rehearsal/rehearse.ts';
import { clientOf, taken } from './fixtures/calls.ts';
import { synthesizePostOffice } from './fixtures/post-office-app.ts';
import { signed } from './fixtures/sign.ts';

let office: ReturnType<typeof synthesizePostOffice>;
beforeAll(() => {
  office = synthesizePostOffice();
}, 60_000);
afterAll(() => rmSync(office.folder, { recursive: true }));

async function post({ outputs, credentials }: Rehearsal, name: string): Promise<Response> {
  const url = `${outputs.ApiUrl}/letters/${name}`;
  return await fetch(url, signed(url, 'POST', `dear ${name}`, credentials.secretAccessKey, credentials.accessKeyId));
}

async function delivered({
  outputs,
  endpoints,
  region,
  credentials,
}: Rehearsal): Promise<readonly (string | undefined)[]> {
  const client = new S3Client({ endpoint: endpoints.s3, region, credentials });
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: outputs.BucketName }));
  return Contents.map(({ Key }) => Key);
}

test('an app of the CDK runs from its API through table, stream, topic and queue into a bucket', async () => {
  await using rehearsal = await rehearse({ assembly: office.assembly });
  using client = clientOf(rehearsal);

  const answers = await Promise.all(['ada', 'nobody', 'grace'].map((name) => post(rehearsal, name)));
  await rehearsal.idle();

  expect(await Promise.all(answers.map((answer) => answer.json()))).toEqual(
    ['ada', 'nobody', 'grace'].map((stored) => ({ stored })),
  );
  expect(await delivered(rehearsal)).toEqual(['ada', 'grace']);
  expect((await taken(client, rehearsal.outputs.DoneUrl ?? '')).toSorted()).toEqual(['ada', 'grace']);
  expect(rehearsal.functions.map(({ path }) => path)).toEqual([
    'PostOffice/intake',
    'PostOffice/relay',
    'PostOffice/Delivery/worker',
  ]);
  expect(rehearsal.counts()).toMatchObject({
    calls: { dynamodb: { PutItem: 3 }, s3: { 'PUT object': 2 } },
    capacityUnits: { write: 3 },
    faults: 0,
  });
});

test('nothing is lost where every second call of the SDK goes wrong, before or after its effect', async () => {
  let calls = 0;
  const answers = ['throttling', 'server-error', 'reset'] as const;
  const proxy = () => {
    calls++;
    if (calls % 2 === 0) return undefined;
    return { when: calls % 4 === 1 ? 'before' : 'after', answer: answers[calls % 3] ?? 'reset' } as const;
  };
  await using rehearsal = await rehearse({ assembly: office.assembly, proxy, timings: { visibilitySeconds: 1 } });

  for (const name of ['ada', 'grace', 'edsger'])
    await rehearsal.invoke('intake', { body: name, pathParameters: { name } });
  await rehearsal.idle();

  expect(rehearsal.counts().faults).toBeGreaterThan(5);
  expect(await delivered(rehearsal)).toEqual(['ada', 'edsger', 'grace']);
});
