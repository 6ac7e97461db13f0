import { describe, expect, test } from 'vitest';
import type { Json, JsonObject } from '../../lib/core/json.ts';
import { rehearse } from '../../lib/rehearsal/rehearse.ts';
import type { RehearseOptions } from '../../lib/rehearsal/rehearse-options.ts';
import { arnOf, mapping, queue, WrittenAssembly } from './fixtures/assembly.ts';

/** Signs as its role, calls what it is told to, and says what it heard. */
const CALLER = `export const handler = async ({ service, path = '/', method = 'POST', target, body, form }) => {
  const { AWS_ACCESS_KEY_ID: key, ['AWS_ENDPOINT_URL_' + service.toUpperCase()]: endpoint } = process.env;
  const credential = key + '/20260101/us-east-1/' + service + '/aws4_request';
  const response = await fetch(endpoint + path, {
    method,
    headers: {
      authorization: 'AWS4-HMAC-SHA256 Credential=' + credential + ', SignedHeaders=host, Signature=none',
      'x-amz-date': '20260101T000000Z',
      'content-type': form === undefined ? 'application/x-amz-json-1.0' : 'application/x-www-form-urlencoded',
      ...(target !== undefined && { 'x-amz-target': target }),
    },
    ...(method !== 'GET' && method !== 'HEAD' && { body: form ?? JSON.stringify(body ?? {}) }),
  });
  return { status: response.status, text: await response.text(), type: response.headers.get('x-amzn-errortype') };
};`;

const role = (changes: JsonObject = {}): JsonObject => ({ Type: 'AWS::IAM::Role', Properties: changes });
const policy = (...Statement: JsonObject[]): JsonObject => ({
  Type: 'AWS::IAM::Policy',
  Properties: { PolicyName: 'p', Roles: [{ Ref: 'Role' }], PolicyDocument: { Statement } },
});
const allow = (Action: Json, Resource: Json = '*', Condition: JsonObject = {}): JsonObject => ({
  Effect: 'Allow',
  Action,
  Resource,
  Condition,
});
const things: Readonly<Record<string, JsonObject>> = {
  Jobs: queue({ QueueName: 'jobs' }),
  News: { Type: 'AWS::SNS::Topic', Properties: { TopicName: 'news' } },
  Files: { Type: 'AWS::S3::Bucket', Properties: { BucketName: 'files' } },
  Rows: {
    Type: 'AWS::DynamoDB::Table',
    Properties: {
      TableName: 'rows',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    },
  },
};

interface Heard {
  readonly status: number;
  readonly text: string;
  readonly type: string | null;
}

/** What each call hears, and what is told of them all, with a role that has these resources beside it. */
async function calling(
  resources: Readonly<Record<string, Json>>,
  calls: readonly JsonObject[],
  options: Partial<RehearseOptions> = {},
) {
  const caller = { code: CALLER, properties: { FunctionName: 'caller', Role: arnOf('Role') } };
  using assembly = new WrittenAssembly({
    functions: { Caller: caller },
    resources: { Role: role(), ...things, ...resources },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory, ...options });
  const heard: Heard[] = [];
  for (const call of calls) heard.push(JSON.parse((await rehearsal.invoke('Caller', call)).payload) as Heard);
  return { heard, ...rehearsal.permissions() };
}

const row = (pk: string) => ({ pk: { S: pk } });
const dynamodb = (operation: string, body: JsonObject): JsonObject => ({
  service: 'dynamodb',
  target: `DynamoDB_20120810.${operation}`,
  body,
});
const put = (pk: string) => dynamodb('PutItem', { TableName: 'rows', Item: row(pk) });
const send = {
  service: 'sqs',
  target: 'AmazonSQS.SendMessage',
  body: { QueueUrl: 'http://queue/000000000000/jobs', MessageBody: 'one' },
};
const publish = {
  service: 'sns',
  form: 'Action=Publish&Version=2010-03-31&TopicArn=arn:aws:sns:us-east-1:000000000000:news&Message=one',
};
const upload = { service: 's3', method: 'PUT', path: '/files/a/b.txt', body: 'one' };
const invoke = { service: 'lambda', path: '/2015-03-31/functions/caller/invocations', body: send };
const everything = [put('a'), send, publish, upload, invoke];
const actions = ['dynamodb:PutItem', 'sqs:SendMessage', 'sns:Publish', 's3:PutObject', 'lambda:InvokeFunction'];

describe('a call of a function', () => {
  test('passes where a statement of its role allows it', async () => {
    const { heard, denied, unjudged } = await calling({ Policy: policy(allow(actions)) }, everything);

    expect(heard.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect({ denied, unjudged }).toEqual({ denied: [], unjudged: [] });
  });

  test('is refused where none does, in the words of its service, and has no effect', async () => {
    const read = dynamodb('GetItem', { TableName: 'rows', Key: row('a') });
    const { heard, denied } = await calling({ Policy: policy(allow('dynamodb:GetItem')) }, [...everything, read]);

    expect(heard.map(({ status }) => status)).toEqual([400, 403, 403, 403, 403, 200]);
    const wording = (action: string, resource: string) =>
      `User: arn:aws:sts::000000000000:assumed-role/Test-Role/caller is not authorized to perform: ${action} on resource: ${resource}`;
    expect(heard[0]?.text).toContain('#AccessDeniedException');
    expect(heard[0]?.text).toContain(wording('dynamodb:PutItem', 'arn:aws:dynamodb:us-east-1:000000000000:table/rows'));
    expect(heard[1]?.text).toContain(wording('sqs:SendMessage', 'arn:aws:sqs:us-east-1:000000000000:jobs'));
    expect(heard[2]?.text).toContain('<Code>AuthorizationError</Code>');
    expect(heard[3]?.text).toContain('<Code>AccessDenied</Code>');
    expect(heard[3]?.text).toContain(wording('s3:PutObject', 'arn:aws:s3:::files/a/b.txt'));
    expect(heard[4]?.type).toBe('AccessDeniedException');
    expect(heard[5]?.text).not.toContain('Item');
    expect(denied.map(({ who, action, why }) => `${who} ${action} ${why}`)).toEqual(
      actions.map((action) => `caller ${action} missing`),
    );
  });

  test('passes and is told of where permissions are only reported', async () => {
    const { heard, denied } = await calling({}, everything, { permissions: 'reported' });

    expect(heard.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(denied.map(({ action }) => action)).toEqual(actions);
  });

  test.each<[string, JsonObject, readonly string[]]>([
    [
      'a role that is not in the template',
      { Role: { Type: 'AWS::KMS::Key' } },
      ['caller: its role is not in the template'],
    ],
    [
      'a policy that only AWS knows',
      { Role: role({ ManagedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'] }) },
      [
        'caller: sqs:SendMessage on arn:aws:sqs:us-east-1:000000000000:jobs for SendMessage: its role also has arn:aws:iam::aws:policy/AdministratorAccess',
      ],
    ],
    [
      'a condition that the rehearsal does not know',
      { Policy: policy(allow('sqs:*', '*', { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } })) },
      [expect.stringContaining('a condition, a principal or a variable')],
    ],
  ])('passes and is told of with %s', async (_, resources, told) => {
    const { heard, denied, unjudged } = await calling(resources, [send]);

    expect(heard[0]?.status).toBe(200);
    expect({ denied, unjudged }).toEqual({ denied: [], unjudged: told });
  });

  test('may be allowed or forbidden by the policy of what it is about', async () => {
    const statement = (Effect: string, Principal: Json) => ({
      Effect,
      Action: 'sqs:*',
      Resource: arnOf('Jobs'),
      Principal,
    });
    const queuePolicy = (...Statement: Json[]) => ({
      Type: 'AWS::SQS::QueuePolicy',
      Properties: { Queues: [{ Ref: 'Jobs' }], PolicyDocument: { Statement } },
    });
    const AWS = arnOf('Role');
    const account = { AWS: 'arn:aws:iam::000000000000:root' };
    const own = { Policy: policy(allow('sqs:*')) };
    const status = async (resources: JsonObject) => (await calling(resources, [send])).heard[0]?.status;

    expect(await status({ QueuePolicy: queuePolicy(statement('Allow', { AWS })) })).toBe(200);
    expect(await status({ QueuePolicy: queuePolicy(statement('Allow', account)) })).toBe(403);
    expect(await status({ QueuePolicy: queuePolicy(statement('Deny', account)), ...own })).toBe(403);
    expect(
      await status({ QueuePolicy: queuePolicy(statement('Deny', { Service: 'sns.amazonaws.com' })), ...own }),
    ).toBe(200);
  });

  test.each(['AWS::DynamoDB::Table', 'AWS::DynamoDB::GlobalTable'])(
    'may be allowed by the policy of a %s',
    async (Type) => {
      const statement = {
        Effect: 'Allow',
        Action: 'dynamodb:PutItem',
        Resource: '*',
        Principal: { AWS: arnOf('Role') },
      };
      const ResourcePolicy = { PolicyDocument: { Statement: statement } };
      const own = Type.endsWith('GlobalTable')
        ? { Replicas: [{ Region: 'us-east-1', ResourcePolicy }] }
        : { ResourcePolicy };
      const Properties = { ...(things.Rows?.Properties as JsonObject), ...own };
      const { heard } = await calling({ Rows: { Type, Properties } }, [
        put('a'),
        dynamodb('Scan', { TableName: 'rows' }),
      ]);

      expect(heard.map(({ status }) => status)).toEqual([200, 400]);
    },
  );

  test('needs each part of a transaction, and every key of a batch', async () => {
    const keys = {
      'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['mine#*'] },
      Null: { 'dynamodb:LeadingKeys': 'false' },
    };
    const may = allow(['dynamodb:PutItem', 'dynamodb:BatchGetItem', 'dynamodb:Query'], '*', keys);
    const transact = (...TransactItems: Json[]) => dynamodb('TransactWriteItems', { TransactItems });
    const Put = (pk: string) => ({ Put: { TableName: 'rows', Item: row(pk) } });
    const batch = (...pks: string[]) => dynamodb('BatchGetItem', { RequestItems: { rows: { Keys: pks.map(row) } } });
    const query = (pk: string) =>
      dynamodb('Query', {
        TableName: 'rows',
        KeyConditionExpression: '#k = :k',
        ExpressionAttributeNames: { '#k': 'pk' },
        ExpressionAttributeValues: { ':k': { S: pk } },
      });
    const { heard, denied } = await calling({ Policy: policy(may) }, [
      transact(Put('mine#1'), Put('mine#2')),
      transact(Put('mine#1'), Put('yours#1')),
      transact(Put('mine#1'), { Delete: { TableName: 'rows', Key: row('mine#3') } }),
      batch('mine#1', 'mine#2'),
      batch('mine#1', 'yours#1'),
      query('mine#1'),
      query('yours#1'),
      dynamodb('Scan', { TableName: 'rows' }),
    ]);

    expect(heard.map(({ status }) => status)).toEqual([200, 400, 400, 200, 400, 200, 400, 400]);
    expect(denied.map(({ action, keys: named }) => [action, named])).toEqual([
      ['dynamodb:PutItem', ['yours#1']],
      ['dynamodb:DeleteItem', ['mine#3']],
      ['dynamodb:BatchGetItem', ['mine#1', 'yours#1']],
      ['dynamodb:Query', ['yours#1']],
      ['dynamodb:Scan', []],
    ]);
  });

  test('passes and is told of where each part of a transaction is allowed by a statement of its own', async () => {
    const mayPut = (key: string) =>
      allow('dynamodb:PutItem', '*', { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': key } });
    const TransactItems = ['a', 'b'].map((pk) => ({ Put: { TableName: 'rows', Item: row(pk) } }));
    const transact = dynamodb('TransactWriteItems', { TransactItems });
    const { heard, denied, unjudged } = await calling({ Policy: policy(mayPut('a'), mayPut('b')) }, [transact]);

    expect([heard[0]?.status, denied]).toEqual([200, []]);
    expect(unjudged).toEqual([expect.stringContaining('not all parts of the transaction by one statement')]);
  });

  test('for an object that is missing hears that it may not list, unless it may', async () => {
    const missing = { service: 's3', method: 'GET', path: '/files/nothing' };
    const [hidden, told] = [
      await calling({ Policy: policy(allow('s3:GetObject')) }, [missing]),
      await calling({ Policy: policy(allow(['s3:GetObject', 's3:ListBucket'])) }, [missing]),
    ];

    expect(hidden.heard[0]).toMatchObject({ status: 403, text: expect.stringContaining('s3:ListBucket') });
    expect(told.heard[0]?.status).toBe(404);
    expect(hidden.denied).toEqual([]);
  });
});

test('what the template connects without a permission is told of', async () => {
  const Protocol = 'sqs';
  const subscription = (id: string) => ({
    Type: 'AWS::SNS::Subscription',
    Properties: { TopicArn: { Ref: 'News' }, Protocol, Endpoint: arnOf(id) },
  });
  const principal = { Effect: 'Allow', Principal: { Service: 'sns.amazonaws.com' }, Action: 'sqs:SendMessage' };
  const Condition = { ArnEquals: { 'aws:SourceArn': { Ref: 'News' } } };
  const open = {
    Type: 'AWS::SQS::QueuePolicy',
    Properties: {
      Queues: [{ Ref: 'Open' }],
      PolicyDocument: { Statement: { ...principal, Resource: '*', Condition } },
    },
  };
  const rule = () => ({
    Type: 'AWS::Events::Rule',
    Properties: { ScheduleExpression: 'rate(1 hour)', Targets: [{ Id: 'one', Arn: arnOf('Caller') }] },
  });
  const { denied } = await calling(
    {
      Open: queue(),
      OpenPolicy: open,
      ToOpen: subscription('Open'),
      ToJobs: subscription('Jobs'),
      Source: mapping('Caller', 'Jobs'),
      Hourly: rule(),
      Daily: rule(),
      MayInvoke: {
        Type: 'AWS::Lambda::Permission',
        Properties: {
          Action: 'lambda:InvokeFunction',
          FunctionName: arnOf('Caller'),
          Principal: 'events.amazonaws.com',
          SourceArn: arnOf('Hourly'),
        },
      },
      Policy: policy(allow(['sqs:ReceiveMessage', 'sqs:DeleteMessage'])),
    },
    [],
  );

  expect(denied.map(({ who, action, call }) => `${who} ${action} for ${call}`)).toEqual([
    'caller sqs:GetQueueAttributes for Source',
    'sns.amazonaws.com sqs:SendMessage for ToJobs',
    'events.amazonaws.com lambda:InvokeFunction for Daily',
  ]);
});
