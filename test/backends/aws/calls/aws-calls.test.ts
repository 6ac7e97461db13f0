import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';
import type { AwsOptions } from '../../../../lib/backends/aws/aws-settings.ts';
import { AwsCalls } from '../../../../lib/backends/aws/calls/aws-calls.ts';
import { DynamoDBCalls } from '../../../../lib/backends/aws/calls/dynamodb-calls.ts';
import { emulatedSettings } from '../../../aws-emulators/emulated-settings.ts';
import { awsError, type ScriptedAnswer, startScriptedServer } from '../../../aws-emulators/scripted-server.ts';

const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'hidden' } as const;
const tables = { messagesTable: 'Messages', ledgerTable: 'Ledger' };

async function open(
  script: (index: number, operation: string, input: Readonly<Record<string, unknown>>) => ScriptedAnswer | undefined,
  given: Partial<AwsOptions> = {},
) {
  const server = await startScriptedServer(script);
  const endpoints = { dynamodb: server.url, sqs: server.url, sns: server.url, s3: server.url };
  const settings = emulatedSettings(
    { endpoints, region: 'us-east-1', credentials: credentials as never },
    tables,
    given,
  );
  const calls = new AwsCalls(settings);
  const dynamodb = new DynamoDBCalls(calls);
  const get = (more = {}) =>
    dynamodb.send(new GetItemCommand({ TableName: 'Messages', Key: { pk: { S: 'a' } } }), {
      action: 'dynamodb:GetItem',
      resource: 'Messages',
      ...more,
    });
  return { server, calls, dynamodb, get };
}

test.each(['ThrottlingException', 'ProvisionedThroughputExceededException', 'RequestLimitExceeded'])(
  '%s is repeated until it goes through',
  async (name) => {
    const { get, server } = await open((index) => (index < 3 ? awsError(name, 'slower') : { body: { Item: {} } }));
    await using _ = server;

    await get();

    expect(server.asked).toHaveLength(4);
  },
);

test('throttling that does not end is an error that may be repeated, when the time is over and not before', async () => {
  const { get, server } = await open(() => awsError('ThrottlingException', 'slower'), { timeoutMs: 200 });
  await using _ = server;

  await expect(get()).rejects.toMatchObject({
    code: 'BACKEND_UNAVAILABLE',
    retryable: true,
    message: expect.stringContaining('dynamodb:GetItem on Messages (ThrottlingException: slower)'),
  });
  expect(server.asked.length).toBeGreaterThan(1);
});

test('a deadline may lie between two milliseconds', async () => {
  const { get, server, calls } = await open(() => ({ body: { Item: {} } }));
  await using _ = server;

  expect(await get({ deadlineAt: Math.floor(calls.clock.now()) + 1_000.25 })).toMatchObject({ Item: {} });
});

test('a store that does not answer is given up at the deadline', async () => {
  const { get, server } = await open(() => undefined, { timeoutMs: 150 });
  await using _ = server;

  await expect(get({ tryMs: 40 })).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  expect(server.asked.length).toBeGreaterThan(1);
});

test('a denial names action and resource as AWS says them, and is not repeated', async () => {
  const message =
    'User: arn:aws:sts::111122223333:assumed-role/x/y is not authorized to perform: dynamodb:GetItem on resource: arn:aws:dynamodb:eu-west-1:111122223333:table/Messages because no identity-based policy allows it';
  const { get, server } = await open(() => awsError('AccessDeniedException', message));
  await using _ = server;

  await expect(get()).rejects.toMatchObject({
    code: 'AWS_ACCESS_DENIED',
    retryable: false,
    action: 'dynamodb:GetItem',
    resource: 'arn:aws:dynamodb:eu-west-1:111122223333:table/Messages',
  });
  expect(server.asked).toHaveLength(1);
});

test('what AWS refuses for good is told with its reason, and no secret', async () => {
  const { get, server } = await open(() => awsError('ResourceNotFoundException', 'no such table'));
  await using _ = server;

  const error = await get().catch((refused: Error) => refused);

  expect(error).toMatchObject({ code: 'AWS_REFUSED', retryable: false });
  expect(`${error}`).toContain('dynamodb:GetItem on Messages: ResourceNotFoundException: no such table');
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('hidden');
});

test('when the backend is closed, calls under way and later ones reject', async () => {
  const { calls, get, server } = await open(() => undefined);
  await using _ = server;
  const under = get();

  calls[Symbol.dispose]();

  await expect(under).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  await expect(get()).rejects.toThrow('is closed: open it anew');
});

test('every answer tells the time, a refusal too', async () => {
  const answers: ScriptedAnswer[] = [
    { body: {}, at: Date.now() + 90_000 },
    { ...awsError('ResourceNotFoundException', 'x'), at: Date.now() - 90_000 },
  ];
  const { calls, get, server } = await open((index) => answers[index]);
  await using _ = server;

  await get();
  expect(Math.round(calls.time.offsetMs / 10_000)).toBe(9);
  await get().catch(() => undefined);
  expect(Math.round(calls.time.offsetMs / 10_000)).toBe(-9);
});

test('keys that a batch leaves unprocessed are asked for again, and each item comes once', async () => {
  type Asked = {
    readonly RequestItems: { readonly Messages: { readonly Keys: readonly { readonly pk: { readonly S: string } }[] } };
  };
  const { dynamodb, server } = await open((index, _operation, input) => {
    const { Keys } = (input as Asked).RequestItems.Messages;
    // The first answer does nothing, every other one half of what it is asked for.
    const done = index === 0 ? 0 : Math.ceil(Keys.length / 2);
    const left = Keys.slice(done);
    return {
      body: {
        Responses: { Messages: Keys.slice(0, done) },
        ...(left.length > 0 && { UnprocessedKeys: { Messages: { Keys: left } } }),
      },
    };
  });
  await using _ = server;
  const keys = Array.from({ length: 130 }, (__, n) => ({ pk: { S: `k${n}` } }));

  const items = await dynamodb.batchGet('Messages', keys);

  expect(items.map(({ pk }) => pk?.S).toSorted()).toEqual(keys.map(({ pk }) => pk.S).toSorted());
});

test('keys that stay unprocessed are an error that may be repeated', async () => {
  const { dynamodb, server } = await open(
    (_index, _operation, input) => ({ body: { Responses: {}, UnprocessedKeys: input.RequestItems } }),
    { timeoutMs: 100 },
  );
  await using _ = server;

  await expect(dynamodb.batchGet('Messages', [{ pk: { S: 'k' } }])).rejects.toMatchObject({
    code: 'BACKEND_UNAVAILABLE',
  });
});

test('without credentials it is said what gives some, at once', async () => {
  const none = () => Promise.reject(Object.assign(new Error('none'), { name: 'CredentialsProviderError' }));
  const { get, server } = await open(() => ({ body: { Item: {} } }), { credentials: none as never });
  await using _ = server;

  await expect(get()).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('credentials: of AWS are missing: `aws configure`'),
  });
  expect(server.asked).toHaveLength(0);
});
