import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AwsBackend } from '../../lib/backends/aws/aws-backend.ts';
import { decodeHeldBack } from '../../lib/backends/aws/relay/held-back.ts';
import { openBus } from '../../lib/bus/bus.ts';
import { genericJson } from '../../lib/core/format.ts';
import { type Emulators, startEmulators } from '../../lib/rehearsal/emulators.ts';
import { emptyManifest } from '../aws-emulators/emulated-settings.ts';
import { createTables } from '../aws-emulators/tables.ts';
import { guildwireEach, Project } from './cli.ts';

let emulators: Emulators;
let project: Project;
let sqs: SQSClient;
beforeAll(async () => {
  emulators = await startEmulators();
  project = Project.of('quickstart');
  const { endpoints, region, credentials } = emulators;
  sqs = new SQSClient({ endpoint: endpoints.sqs, region, credentials });
});
afterAll(async () => {
  sqs.destroy();
  project[Symbol.dispose]();
  await emulators[Symbol.asyncDispose]();
});

test('what was stored while the relay was away is sent to it, from then on and in one namespace, if it is meant', async () => {
  const { endpoints, region, credentials } = emulators;
  const tables = await createTables(endpoints);
  const created = await sqs.send(new CreateQueueCommand({ QueueName: 'Delays' }));
  // The client of the command's process goes where the URL of the queue says.
  const QueueUrl = new URL(new URL(created.QueueUrl ?? '').pathname, endpoints.sqs).href;
  const connection = { ...tables, region, delaysQueue: QueueUrl, manifest: emptyManifest };
  project.write('outputs.json', JSON.stringify({ Shop: { Connection: JSON.stringify(connection) } }));
  await using backend = new AwsBackend({ ...connection, endpoints, credentials });
  const say = (namespace: string, payload: number) =>
    openBus(backend, { namespace, sender: 'user:ada' }).publish('doc.a', genericJson, payload);
  const before = await say('prod', 0);
  const ids = [await say('prod', 1), await say('prod', 2)];
  await say('other', 3);
  const env = {
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
    AWS_ENDPOINT_URL_SQS: endpoints.sqs,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };
  const since = new Date(Date.now() - 60_000).toISOString();
  const range = ['replay', '--unrelayed', '--since', since, '--backend', 'aws:outputs.json', '-n', 'prod'];

  const [unasked, done, json, none] = await guildwireEach(
    [range, [...range, '--yes'], [...range, '--yes', '--json'], [...range, '--yes', '--until', since]],
    { cwd: project.folder, env },
  );
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));

  expect(unasked).toMatchObject({ code: 2, err: expect.stringContaining('this would hand on again') });
  expect(done).toEqual({ code: 0, out: '3 messages sent to the relay once more\n', err: '' });
  expect(JSON.parse(json?.out ?? '')).toEqual({ messages: 3, finished: true });
  expect(none?.out).toBe('0 messages sent to the relay once more\n');
  const held = { namespace: 'prod', topic: 'doc.a', ids: [before, ...ids] };
  expect(Messages.map(({ Body = '' }) => decodeHeldBack(Body))).toMatchObject([held, held]);
});

test('it says what is missing, and what does not go with it', async () => {
  const aws = ['--backend', 'aws:outputs.json'];
  const ended = await guildwireEach(
    [
      ['replay', '--unrelayed', '--since', '1h', '--backend', 'memory:'],
      ['replay', '--unrelayed', ...aws],
      ['replay', 'clerk', '--unrelayed', '--since', '1h', ...aws],
      ['replay', '--unrelayed', '--since', '1h', '--topic', 'x', ...aws],
      ['replay', '--unrelayed', '--since', '1h', '--until', '2h', ...aws],
      ['replay', '--since', '1h'],
    ],
    { cwd: project.folder },
  );

  expect(ended.map(({ code, err }) => [code, err.split('\n')[0]])).toEqual([
    [2, expect.stringContaining('is for a deployment on AWS')],
    [2, expect.stringContaining('--unrelayed needs --since')],
    [2, expect.stringContaining('leave out agent')],
    [2, expect.stringContaining('leave out --topic')],
    [2, expect.stringContaining('--since lies after --until')],
    [2, expect.stringContaining('which agent gets them?')],
  ]);
});
