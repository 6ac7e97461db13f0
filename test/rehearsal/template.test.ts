import { expect, test } from 'vitest';
import type { Json, JsonObject } from '../../lib/core/json.ts';
import { rehearse } from '../../lib/rehearsal/rehearse.ts';
import { StackScope } from '../../lib/rehearsal/resources/stack-scope.ts';
import { readAssembly } from '../../lib/rehearsal/template/read-assembly.ts';
import { mapping, queue, WrittenAssembly } from './fixtures/assembly.ts';

const place = { account: '000000000000', region: 'us-east-1', sqsEndpoint: 'http://sqs', apiUrl: 'http://api' };

function scopeOf(assembly: WrittenAssembly): StackScope {
  return new StackScope(readAssembly(assembly.directory, undefined, place).stack, place);
}

/** What an expression yields as the property of a queue beside another one, called `Other`. */
function resolved(expression: Json, template: JsonObject = {}): Json | undefined {
  using assembly = new WrittenAssembly({
    resources: { Other: queue(), Mine: queue({ Tested: expression }) },
    template: {},
  });
  const read = readAssembly(assembly.directory, undefined, place).stack;
  const scope = new StackScope({ ...read, template: { ...read.template, ...template } }, place);
  return scope.resources().find(({ logicalId }) => logicalId === 'Mine')?.properties.Tested;
}

test.for<[Json, Json]>([
  [{ Ref: 'Other' }, 'http://sqs/000000000000/Test-Other'],
  [{ 'Fn::GetAtt': ['Other', 'Arn'] }, 'arn:aws:sqs:us-east-1:000000000000:Test-Other'],
  [{ 'Fn::GetAtt': 'Other.QueueName' }, 'Test-Other'],
  [{ 'Fn::Join': ['-', ['a', { Ref: 'AWS::Region' }]] }, 'a-us-east-1'],
  [{ 'Fn::Sub': `\${AWS::StackName}/\${Other.QueueName}/\${!Kept}` }, `Test/Test-Other/\${Kept}`],
  [{ 'Fn::Sub': [`\${a}-\${AWS::Partition}`, { a: { Ref: 'AWS::AccountId' } }] }, '000000000000-aws'],
  [{ 'Fn::Select': [1, { 'Fn::Split': ['|', 'a|b|c'] }] }, 'b'],
  [{ 'Fn::If': ['Yes', 1, 2] }, 1],
  [{ 'Fn::If': ['No', 1, { Ref: 'Stage' }] }, 'beta'],
  [{ a: { 'Fn::If': ['No', 1, { Ref: 'AWS::NoValue' }] }, b: 2 }, { b: 2 }],
  [[1, { Ref: 'AWS::NoValue' }], [1]],
  [{ 'Fn::FindInMap': ['Sizes', { Ref: 'AWS::Region' }, 'small'] }, 7],
  [
    { Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
    { Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
  ],
])('%j is followed to %j', ([expression, value]) => {
  const template = {
    Parameters: { Stage: { Type: 'String', Default: 'beta' } },
    Conditions: {
      Yes: {
        'Fn::And': [{ 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'us-east-1'] }, { 'Fn::Not': [{ Condition: 'No' }] }],
      },
      No: { 'Fn::Or': [{ 'Fn::Equals': ['a', 'b'] }] },
    },
    Mappings: { Sizes: { 'us-east-1': { small: 7 } } },
  };

  expect(resolved(expression, template)).toEqual(value);
});

test('everything that is not known is refused at once, by its name, its logical id and its file', async () => {
  using assembly = new WrittenAssembly({
    resources: {
      Database: { Type: 'AWS::RDS::DBInstance' },
      Jobs: queue({ DelaySeconds: { 'Fn::ImportValue': 'elsewhere' }, Nobody: 1 }),
      Others: queue({ RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['Missing', 'Arn'] } } }),
    },
  });

  await expect(rehearse({ assembly: assembly.directory })).rejects.toMatchObject({
    code: 'UNSUPPORTED_TEMPLATE',
    faults: [
      'Test.template.json: Database is of type AWS::RDS::DBInstance',
      'Test.template.json: Jobs: Fn::ImportValue is not known to the rehearsal',
      'Test.template.json: Others: Fn::GetAtt Missing.Arn is not known to the rehearsal',
    ],
  });
});

test.for<[string, JsonObject, string]>([
  ['a function in another language', { Runtime: 'python3.14' }, 'Made runs on python3.14, not on Node.js'],
  ['a function with layers', { Layers: ['arn:aws:lambda:us-east-1:1:layer:a:1'] }, 'Made has layers'],
])('%s is refused', async ([, properties, message]) => {
  using assembly = new WrittenAssembly({ functions: { Made: { code: '', properties } } });

  await expect(rehearse({ assembly: assembly.directory })).rejects.toThrow(`Test.template.json: ${message}`);
});

test.for<[string, JsonObject, string]>([
  [
    'a subscription of a function',
    { Type: 'AWS::SNS::Subscription', Properties: { Protocol: 'lambda' } },
    'Made has protocol lambda, not sqs',
  ],
  [
    'a rule that waits for events',
    { Type: 'AWS::Events::Rule', Properties: { EventPattern: {} } },
    'Made has an event pattern, not a schedule',
  ],
  ['a mapping for no function', mapping('Jobs', 'Jobs'), 'Made is for http'],
  [
    'a mapping of another source',
    mapping('Work', 'Jobs', { EventSourceArn: 'arn:aws:kinesis:us-east-1:1:stream/a' }),
    'Made reads arn:aws:kinesis',
  ],
  [
    'an unknown filter',
    mapping('Work', 'Jobs', { FilterCriteria: { Filters: [{ Pattern: '{"a":[{"cidr":"10.0.0.0/8"}]}' }] } }),
    'filter operator "cidr"',
  ],
])('%s is refused', async ([, resource, message]) => {
  using assembly = new WrittenAssembly({
    functions: { Work: 'export const handler = async () => {};' },
    resources: { Jobs: queue(), Made: resource },
  });

  await expect(rehearse({ assembly: assembly.directory })).rejects.toThrow(message);
});

test('a subscription of a person is left out, since nothing is sent there', async () => {
  using assembly = new WrittenAssembly({
    resources: {
      Alarms: { Type: 'AWS::SNS::Topic' },
      Person: {
        Type: 'AWS::SNS::Subscription',
        Properties: { Protocol: 'email', Endpoint: 'a@example.com', TopicArn: { Ref: 'Alarms' } },
      },
    },
  });

  await using rehearsal = await rehearse({ assembly: assembly.directory });
  const body = new URLSearchParams({ Action: 'ListSubscriptions', Version: '2010-03-31' });
  const answer = await fetch(rehearsal.endpoints.sns, { method: 'POST', body });

  expect(await answer.text()).toMatch(/<Subscriptions>\s*<\/Subscriptions>|<Subscriptions\/>/);
});

test('a nested stack gets parameters from its parent, and gives outputs back', () => {
  const nestedStack = {
    Type: 'AWS::CloudFormation::Stack',
    Properties: { TemplateURL: 'https://anywhere', Parameters: { outer: { 'Fn::GetAtt': ['Outer', 'Arn'] } } },
    Metadata: { 'aws:asset:path': 'nested.json' },
  };
  const nested = {
    Parameters: { outer: { Type: 'String' } },
    Resources: { Inner: queue({ RedrivePolicy: { deadLetterTargetArn: { Ref: 'outer' }, maxReceiveCount: 3 } }) },
    Outputs: { inner: { Value: { 'Fn::GetAtt': ['Inner', 'QueueName'] } } },
  };
  using assembly = new WrittenAssembly(
    {
      resources: { Outer: queue(), Child: nestedStack },
      template: { Outputs: { Name: { Value: { 'Fn::GetAtt': ['Child', 'Outputs.inner'] } } } },
    },
    { 'nested.json': nested },
  );
  const scope = scopeOf(assembly);

  expect(scope.outputs()).toEqual({ Name: 'Test-Child-Inner' });
  expect(scope.resources().find(({ logicalId }) => logicalId === 'Inner')).toMatchObject({
    file: 'nested.json',
    name: 'Test-Child-Inner',
    properties: { RedrivePolicy: { deadLetterTargetArn: 'arn:aws:sqs:us-east-1:000000000000:Test-Outer' } },
  });
});

test('a stack for a certain account and region is taken to the emulated ones', () => {
  using assembly = new WrittenAssembly({
    environment: 'aws://123456789012/eu-west-1',
    resources: { Jobs: queue({ Tested: 'arn:aws:sns:eu-west-1:123456789012:news' }) },
  });

  expect(scopeOf(assembly).resources()[0]?.properties.Tested).toBe('arn:aws:sns:us-east-1:000000000000:news');
});

test('names that are too long are cut, and stay different', () => {
  const long = 'L'.repeat(100);
  using assembly = new WrittenAssembly({
    resources: {
      [`${long}A`]: queue({ FifoQueue: true }),
      [`${long}B`]: queue({ FifoQueue: true }),
      Named: queue({ QueueName: 'mine' }),
    },
  });
  const names = scopeOf(assembly)
    .resources()
    .map(({ name }) => name);

  expect(new Set(names).size).toBe(3);
  expect(names[2]).toBe('mine');
  for (const name of names.slice(0, 2)) expect(name).toMatch(/^Test-L+-[0-9a-f]{8}\.fifo$/);
  expect(names[0]?.length).toBeLessThanOrEqual(80);
});

test('a folder without an assembly, and a stack that is not in it, are refused', async () => {
  using assembly = new WrittenAssembly({});

  await expect(rehearse({ assembly: '/nowhere' })).rejects.toThrow(
    '/nowhere/manifest.json cannot be read: synthesize first',
  );
  await expect(rehearse({ assembly: assembly.directory, stack: 'Other' })).rejects.toThrow(
    'holds no stack "Other": it has Test',
  );
});
