import type { Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { expect, test } from 'vitest';
import { silentLog } from '../../lib/bus/log.ts';
import { AgentFunction } from '../../lib/constructs/agent-function.ts';
import { GuildApi } from '../../lib/constructs/guild-api.ts';
import { DEAD_LETTER_TEXT, GuildMonitoring } from '../../lib/constructs/guild-monitoring.ts';
import { MessageLog, type MessageLogProps } from '../../lib/constructs/message-log.ts';
import { TopicFamily } from '../../lib/constructs/topic-family.ts';
import { defineAgent } from '../../lib/guild/define-agent.ts';
import { defineGuild } from '../../lib/guild/define-guild.ts';
import { startGuild } from '../../lib/guild/start-guild.ts';
import keeper from './fixtures/agents/keeper.ts';
import writer from './fixtures/agents/writer.ts';
import { Text } from './fixtures/formats.ts';
import { allows, rolesOf } from './iam-oracle.ts';
import { emptyStack, resourcesOf, stackOf } from './stack-of.ts';

const code = () => Code.fromInline('export const handler = () => {};');
const functionIn = (stack: Stack, id: string) =>
  new LambdaFunction(stack, id, { code: code(), handler: 'index.handler', runtime: Runtime.NODEJS_24_X });
const importedLog = (stack: Stack) =>
  MessageLog.fromAttributes(stack, 'Log', {
    messages: TableV2.fromTableName(stack, 'Messages', 'messages'),
    ledger: TableV2.fromTableName(stack, 'Ledger', 'ledger'),
    attachments: Bucket.fromBucketName(stack, 'Attachments', 'attachments'),
    namespaces: ['prod'],
  });

test('a grant on a log gives a function its variables, and any other grantee nothing but permissions', () => {
  const stack = emptyStack();
  const log = new MessageLog(stack, 'Log');
  const reader = functionIn(stack, 'Reader');
  log.grantRead(reader);
  log.grantRead(new Role(stack, 'Person', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') }));
  const template = Template.fromStack(stack);

  template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: {
      Variables: { GUILDWIRE_MESSAGES_TABLE: Match.anyValue(), GUILDWIRE_NAMESPACES: 'default' },
    },
  });
  template.resourceCountIs('AWS::IAM::Policy', 2);
});

test('an imported log grants as one of its own stack does', () => {
  const stack = emptyStack();
  const person = new Role(stack, 'Person', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
  importedLog(stack).grantPublish(person, ['said.*']);
  const [statements = []] = rolesOf(Template.fromStack(stack)).values();
  const resource = 'arn:AWS::Partition:dynamodb:AWS::Region:AWS::AccountId:table/messages';
  const put = (key: string) => allows(statements, { action: 'dynamodb:PutItem', resource, keys: [key] });

  expect([put('prod#said.aloud#0'), put('prod#written#0'), put('other#said.aloud#0')]).toEqual([true, false, false]);
});

test('an imported log without its stream is refused by a relay, and not granted half of it', () => {
  const stack = emptyStack();
  const role = new Role(stack, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });

  expect(() => importedLog(stack).grantRelay(role)).toThrow(
    'Alone/Log cannot be deployed: messages: has no stream that a relay could read: import it with its tableStreamArn',
  );
});

test.for<[MessageLogProps, string]>([
  [{ namespaces: [] }, "namespaces: is empty: name one, or say 'dynamic'"],
  [{ namespaces: ['prod', 'a b'] }, 'namespaces: got "a b": allowed are 1 to 64 of A-Z, a-z, 0-9, _ and -'],
  [{ maxWriteUnits: 0 }, 'maxWriteUnits: got 0: allowed is a whole number from 1 on'],
  [
    { maxReadUnits: 1.5, retentionDays: -3 },
    'maxReadUnits: got 1.5: allowed is a whole number from 1 on; retentionDays: got -3',
  ],
])('a log with %o is refused', ([props, problem]) => {
  expect(() => new MessageLog(emptyStack(), 'Log', props)).toThrow(`Alone/Log cannot be deployed: ${problem}`);
});

test('namespaces that are not known at synthesis make grants that name none', () => {
  const stack = emptyStack();
  const person = new Role(stack, 'Person', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
  new MessageLog(stack, 'Log', { namespaces: 'dynamic' }).grantPublish(person, ['said']);
  const [statements = []] = rolesOf(Template.fromStack(stack)).values();
  const [table = ''] = [...resourcesOf(Template.fromStack(stack), 'AWS::DynamoDB::GlobalTable').keys()];
  const put = (key: string) =>
    allows(statements, { action: 'dynamodb:PutItem', resource: `arn:${table}`, keys: [key] });

  expect([put('any#said#0'), put('other#said#0'), put('any#written#0')]).toEqual([true, true, false]);
});

test('an agent alone follows families of another stack', () => {
  const stack = emptyStack();
  const families = ['draft.*', '$**'].map((pattern, index) =>
    TopicFamily.fromAttributes(stack, `Family${index}`, {
      pattern,
      topic: Topic.fromTopicArn(stack, `Topic${index}`, `arn:aws:sns:eu-central-1:111122223333:topic-${index}`),
    }),
  );
  const agent = new AgentFunction(stack, 'Writer', { agent: writer, code: code(), log: importedLog(stack), families });
  const template = Template.fromStack(stack);

  template.resourceCountIs('AWS::SNS::Subscription', 2);
  template.hasResourceProperties('AWS::SNS::Subscription', {
    TopicArn: 'arn:aws:sns:eu-central-1:111122223333:topic-0',
    FilterPolicy: { topic: [{ exists: true }] },
  });
  expect(agent.node.findChild('Host').node.defaultChild).toBe(agent.function);
});

test('an ordered agent is refused by a family without a FIFO topic', () => {
  const stack = emptyStack();
  const family = new TopicFamily(stack, 'Pages', { pattern: 'page.**', namePrefix: 'Alone-' });
  const props = { agent: keeper, code: code(), log: importedLog(stack), families: [family] };

  expect(() => new AgentFunction(stack, 'Keeper', props)).toThrow(
    /Alone\/Pages cannot be deployed: page\.\*\*: has no topic that keeps order/,
  );
});

test('who may call the API is granted by path; with tokens IAM has no say', () => {
  const stack = emptyStack();
  const [ingest, history] = [functionIn(stack, 'Ingest'), functionIn(stack, 'History')];
  const person = new Role(stack, 'Person', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
  new GuildApi(stack, 'Api', { ingest, history }).grantInvoke(person, 'GET/v1/namespaces/prod/*');
  const authorization = { issuer: 'https://id.example.com', audience: ['guild'] };
  const withTokens = new GuildApi(stack, 'Tokens', { ingest, history, authorization });

  expect(() => withTokens.grantInvoke(person)).toThrow(/takes tokens of https:\/\/id\.example\.com/);
  Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: [Match.objectLike({ Action: 'execute-api:Invoke', Effect: 'Allow' })],
    },
  });
});

test('alarms watch dead letters, stuck and old deliveries, the relay, throttles, tables, quiet functions and loops', () => {
  const { template, guild } = stackOf({ api: false });
  const alarms = [...resourcesOf(template, 'AWS::CloudWatch::Alarm').values()].map(({ Properties }) => Properties);

  expect(guild.monitoring).toBeInstanceOf(GuildMonitoring);
  expect(alarms.map(({ AlarmDescription }) => AlarmDescription)).toEqual([
    'agents gave deliveries up',
    'something could not be handed to an agent',
    'an agent is behind',
    'the relay is behind',
    'functions are throttled',
    'a table is at its limit',
    'a function of the platform fails',
    'Lambda dropped invocations of a loop',
  ]);
  for (const alarm of alarms) expect(alarm).toMatchObject({ TreatMissingData: 'notBreaching', EvaluationPeriods: 1 });
  template.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
  template.resourceCountIs('AWS::Logs::MetricFilter', 5);
});

test('what counts dead letters is what agents say when there is one', async () => {
  const failing = defineAgent({
    name: 'failing',
    entry: import.meta.url,
    subscribes: ['said'],
    retry: { attempts: 1 },
    handlers: (on) => [
      on(Text, () => {
        throw new Error('on purpose');
      }),
    ],
  });
  const said: string[] = [];
  const log = { ...silentLog, warn: (text: string) => said.push(text), error: (text: string) => said.push(text) };
  const guild = defineGuild({ name: 'failing', agents: [failing], topics: { said: {} } });
  await using running = await startGuild(guild, { backend: 'memory:', log });
  const reference = await running.publish('said', Text, { text: 'x' });
  await running.settled(reference);

  expect(said.filter((text) => text.endsWith(DEAD_LETTER_TEXT.slice(1)))).toHaveLength(1);
});

test('pages that may call the API may upload to the bucket, and others not', () => {
  const allowOrigins = ['https://app.example.com'];
  const open = stackOf({ api: { corsPreflight: { allowOrigins } } }, 'Open').template;
  const closed = stackOf({}, 'Closed').template;

  const rule = { AllowedMethods: ['PUT'], AllowedOrigins: allowOrigins };
  open.hasResourceProperties('AWS::S3::Bucket', { CorsConfiguration: { CorsRules: [Match.objectLike(rule)] } });
  closed.hasResourceProperties('AWS::S3::Bucket', { CorsConfiguration: Match.absent() });
});
