import { Stack, Stage } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Key } from 'aws-cdk-lib/aws-kms';
import { expect, test } from 'vitest';
import { Guild } from '../../lib/constructs/guild.ts';
import { connectionIn } from './connection-in.ts';
import guild from './fixtures/guild.ts';
import { plain } from './iam-oracle.ts';
import { resourcesOf, stackOf } from './stack-of.ts';

const { template, stack, guild: deployed } = stackOf();
const all = template.toJSON().Resources as Record<
  string,
  { Type: string; DeletionPolicy?: string; UpdateReplacePolicy?: string }
>;
const propertiesOf = (type: string, part = '') =>
  [...resourcesOf(template, type)].filter(([id]) => id.includes(part)).map(([, { Properties }]) => Properties);

test('tables, bucket and queues keep their logical ids, since another id is another, empty one', () => {
  const kept = ['AWS::DynamoDB::GlobalTable', 'AWS::S3::Bucket', 'AWS::SQS::Queue'];

  expect(Object.entries(all).flatMap(([id, { Type }]) => (kept.includes(Type) ? [id] : []))).toMatchInlineSnapshot(`
    [
      "GuildLogMessages9745D98F",
      "GuildLogLedger97D54D31",
      "GuildLogAttachmentsD6346FFE",
      "GuildRelaySafetyC2E551A4",
      "GuildRelayDelays206E5AA1",
      "GuildAgentswriterQueueDeadLettersECBE3CF2",
      "GuildAgentswriterQueue3B30B732",
      "GuildAgentssecondwriterQueueDeadLetters34050503",
      "GuildAgentssecondwriterQueueDE7485A0",
      "GuildAgentskeeperQueueDeadLettersB0CCD2ED",
      "GuildAgentskeeperQueueD5B9DDA7",
      "GuildAgentsthinkerQueueDeadLettersEE44FC1C",
      "GuildAgentsthinkerQueue416056B1",
      "GuildAgentsthinkerQueueUrgent8DF6D735",
      "GuildAgentsundertakerQueueDeadLettersEEAA4472",
      "GuildAgentsundertakerQueueEFABD5DA",
    ]
  `);
});

test('what holds data is kept when the stack goes', () => {
  for (const [id, { Type, DeletionPolicy, UpdateReplacePolicy }] of Object.entries(all)) {
    if (!/GlobalTable|Bucket$|SQS::Queue$/.test(Type)) continue;
    expect([DeletionPolicy, UpdateReplacePolicy], id).toEqual(['Retain', 'Retain']);
  }
});

test('both tables are restorable, encrypted, bounded in cost, and forget by themselves', () => {
  const tables = propertiesOf('AWS::DynamoDB::GlobalTable');

  expect(tables).toHaveLength(2);
  for (const table of tables) {
    expect(table).toMatchObject({
      BillingMode: 'PAY_PER_REQUEST',
      TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      WriteOnDemandThroughputSettings: { MaxWriteRequestUnits: 2_000 },
    });
    expect(table.Replicas[0].PointInTimeRecoverySpecification).toEqual({ PointInTimeRecoveryEnabled: true });
  }
});

test('the stream of messages gives new images to the relay, which takes what was inserted and gives nothing up', () => {
  expect(propertiesOf('AWS::DynamoDB::GlobalTable', 'Messages')[0]).toMatchObject({
    StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
    GlobalSecondaryIndexes: [
      { IndexName: 'byThread', Projection: { ProjectionType: 'KEYS_ONLY' } },
      { IndexName: 'byConversation', Projection: { ProjectionType: 'KEYS_ONLY' } },
    ],
  });
  template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    StartingPosition: 'TRIM_HORIZON',
    ParallelizationFactor: 1,
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    MaximumRetryAttempts: Match.absent(),
    MaximumRecordAgeInSeconds: Match.absent(),
    FilterCriteria: { Filters: [{ Pattern: '{"eventName":["INSERT"]}' }] },
  });
});

test('queues keep for 14 days, are encrypted, and hand over to a dead-letter queue after 1,000 receives', () => {
  const queues = propertiesOf('AWS::SQS::Queue');

  expect(queues).toHaveLength(5 + 5 + 1 + 2);
  for (const queue of queues)
    expect(queue).toMatchObject({ MessageRetentionPeriod: 1_209_600, SqsManagedSseEnabled: true });
  const waiting = queues.filter(({ RedrivePolicy }) => RedrivePolicy !== undefined);
  expect(waiting).toHaveLength(5 + 1 + 1);
  for (const { RedrivePolicy } of waiting) expect(RedrivePolicy.maxReceiveCount).toBe(1_000);
});

test('queues, topics and bucket are reached over TLS only', () => {
  const policies = ['AWS::SQS::QueuePolicy', 'AWS::SNS::TopicPolicy', 'AWS::S3::BucketPolicy'].flatMap((type) =>
    propertiesOf(type),
  );

  expect(policies).toHaveLength(propertiesOf('AWS::SQS::Queue').length + propertiesOf('AWS::SNS::Topic').length + 1);
  for (const { PolicyDocument } of policies) {
    expect(PolicyDocument.Statement).toContainEqual(
      expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
    );
  }
});

test('profiles decide batch, time and concurrency', () => {
  const sources = (agent: string) => propertiesOf('AWS::Lambda::EventSourceMapping', `Agents${agent}`);
  const [writer] = propertiesOf('AWS::Lambda::Function', 'Agentswriter');
  const [thinker] = propertiesOf('AWS::Lambda::Function', 'Agentsthinker');

  expect(writer).toMatchObject({ Timeout: 60, MemorySize: 256, Runtime: 'nodejs24.x', Architectures: ['arm64'] });
  expect(thinker).toMatchObject({ Timeout: 330, MemorySize: 512 });
  expect(propertiesOf('AWS::SQS::Queue', 'AgentswriterQueue').at(-1)).toMatchObject({ VisibilityTimeout: 180 });
  expect(propertiesOf('AWS::SQS::Queue', 'AgentsthinkerQueue').at(-1)).toMatchObject({ VisibilityTimeout: 330 });
  expect(sources('writer')).toEqual([expect.not.objectContaining({ ScalingConfig: expect.anything() })]);
  expect(sources('writer')[0]).toMatchObject({ BatchSize: 10, FunctionResponseTypes: ['ReportBatchItemFailures'] });
  expect(sources('thinker')).toHaveLength(2);
  for (const source of sources('thinker')) {
    expect(source).toMatchObject({ BatchSize: 1, ScalingConfig: { MaximumConcurrency: 4 } });
  }
});

test('an ordered agent has FIFO queues behind FIFO topics, which stand beside standard ones', () => {
  const fifo = propertiesOf('AWS::SNS::Topic').filter(({ FifoTopic }) => FifoTopic);

  for (const queue of propertiesOf('AWS::SQS::Queue', 'Agentskeeper')) {
    expect(queue).toMatchObject({
      FifoQueue: true,
      DeduplicationScope: 'messageGroup',
      FifoThroughputLimit: 'perMessageGroupId',
    });
  }
  expect(fifo.map(({ TopicName }) => TopicName).toSorted()).toEqual([
    'Fixture-page-all-f5a889f6.fifo',
    'Fixture-system.fifo',
  ]);
  expect(deployed.manifest.ordered).toEqual(['page.**', '$**']);
});

test('each subscription is raw, filtered by attributes, and has a dead-letter queue', () => {
  for (const subscription of propertiesOf('AWS::SNS::Subscription')) {
    expect(subscription).toMatchObject({ Protocol: 'sqs', RawMessageDelivery: true });
    expect(plain(subscription.RedrivePolicy.deadLetterTargetArn)).toContain('DeadLetters');
  }
  expect(
    propertiesOf('AWS::SNS::Subscription', 'AgentsthinkerFollowssystem').map(({ FilterPolicy }) => FilterPolicy),
  ).toEqual([
    { topic: ['$inbox.thinker', '$self.thinker'], priority: [{ 'anything-but': ['0', '1', '2', '3'] }] },
    { topic: ['$inbox.thinker', '$self.thinker'], priority: ['0', '1', '2', '3'] },
  ]);
});

test('only the relay may call itself again and again', () => {
  const allowed = propertiesOf('AWS::Lambda::Function').filter(({ RecursiveLoop }) => RecursiveLoop === 'Allow');

  expect(allowed.map(({ Description }) => Description)).toEqual(['Relay: from the log to the subscribers']);
});

test('the janitor gets the queues with its event, every five minutes', () => {
  const [rule] = propertiesOf('AWS::Events::Rule');
  const event = JSON.parse(plain(rule.Targets[0].Input));

  expect(rule).toMatchObject({ ScheduleExpression: 'rate(5 minutes)', State: 'ENABLED' });
  expect(Object.keys(event.deadLetterQueues)).toEqual(['writer', 'second-writer', 'keeper', 'thinker', 'undertaker']);
  expect(event).toMatchObject({ kind: 'guildwire.janitor', runsPlans: true });
  expect(event.safetyQueue).toContain('RelaySafety');
  expect(Object.keys(event.sources)).toEqual(Object.keys(event.deadLetterQueues));
  expect(event.sources.thinker).toEqual([
    expect.stringContaining('thinkerSource'),
    expect.stringContaining('thinkerUrgentSource'),
  ]);
});

test('every route of the API is authorized and logged', () => {
  const routes = propertiesOf('AWS::ApiGatewayV2::Route');

  expect(routes.map(({ RouteKey, AuthorizationType }) => [RouteKey, AuthorizationType])).toEqual([
    ['GET /{proxy+}', 'AWS_IAM'],
    ['POST /{proxy+}', 'AWS_IAM'],
  ]);
  template.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
    AccessLogSettings: Match.objectLike({ DestinationArn: Match.anyValue() }),
    DefaultRouteSettings: { ThrottlingRateLimit: 100, ThrottlingBurstLimit: 200 },
  });
});

test('tokens authorize if the API is told whose', () => {
  const { template: withTokens } = stackOf({
    api: { authorization: { issuer: 'https://id.example.com', audience: ['guild'] } },
    monitoring: false,
  });

  withTokens.hasResourceProperties('AWS::ApiGatewayV2::Authorizer', {
    AuthorizerType: 'JWT',
    JwtConfiguration: { Audience: ['guild'], Issuer: 'https://id.example.com' },
  });
  withTokens.allResourcesProperties('AWS::ApiGatewayV2::Route', { AuthorizationType: 'JWT' });
  withTokens.resourceCountIs('AWS::CloudWatch::Alarm', 0);
});

test('the output tells programs outside where everything is', () => {
  const { IngestFunction, ApiUrl } = template.toJSON().Outputs;
  const connection = connectionIn(template);

  expect(connection).toMatchObject({
    region: 'AWS::Region',
    messagesTable: expect.stringContaining('LogMessages'),
    ledgerTable: expect.stringContaining('LogLedger'),
    bucket: expect.stringContaining('Attachments'),
    topicArnPrefix: 'arn:AWS::Partition:sns:AWS::Region:AWS::AccountId:Fixture-',
    delaysQueue: expect.stringContaining('RelayDelays'),
    safetyQueue: expect.stringContaining('RelaySafety'),
    manifest: JSON.parse(JSON.stringify(deployed.manifest)),
  });
  expect(connection.queues.keeper).toMatchObject({ isOrdered: true });
  expect(connection.queues.thinker.urgentUrl).toContain('Urgent');
  expect(connection.namespaces).toEqual(deployed.log.namespaces);
  expect(connection.sources.keeper).toEqual([expect.stringContaining('GuildAgentskeeperSource')]);
  expect(connection.sources.thinker).toHaveLength(2);
  expect([plain(IngestFunction.Value), plain(ApiUrl.Value)].every((value) => value !== '')).toBe(true);
});

test('a family that nobody follows has no topics', () => {
  expect([...deployed.families.keys()]).toEqual(['draft.*', 'page.**', 'question', '$**']);
});

test('stages of one guild lie side by side, each with a namespace called as it', () => {
  const templates = ['test', 'prod'].map((name) => {
    const stage = new Stage(stack.node.root, name);
    const stacked = new Stack(stage, 'Fixture');
    const { log } = new Guild(stacked, 'Guild', { guild });
    expect(log.namespaces).toEqual([name]);
    return Template.fromStack(stacked).toJSON();
  });
  const namesOf = (one: object) =>
    [
      ...JSON.stringify(one).matchAll(
        /"(?:TopicName|QueueName|TableName|BucketName|FunctionName|RoleName|DashboardName)":"([^"]+)"/g,
      ),
    ].map(([, name]) => name);
  const [first, second] = templates.map((one) => namesOf(one ?? {}));

  expect(first?.length).toBeGreaterThan(0);
  expect(first?.filter((name) => second?.includes(name))).toEqual([]);
  expect(first?.every((name) => name?.startsWith('test-Fixture-'))).toBe(true);
});

test("a key of one's own encrypts all that is kept", () => {
  const region = new Stack(undefined, 'Keyed', { env: { region: 'eu-central-1', account: '111122223333' } });
  new Guild(region, 'Guild', { guild, encryptionKey: new Key(region, 'Key') });
  const keyed = Template.fromStack(region);

  keyed.allResourcesProperties('AWS::SQS::Queue', { KmsMasterKeyId: Match.anyValue() });
  keyed.allResourcesProperties('AWS::SNS::Topic', { KmsMasterKeyId: Match.anyValue() });
  keyed.allResourcesProperties('AWS::Lambda::Function', { KmsKeyArn: Match.anyValue() });
  keyed.allResourcesProperties('AWS::DynamoDB::GlobalTable', {
    SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
  });
});
