/** What resources themselves let others do: roles are only half of who may do what. */
import { NestedStack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { plain } from './iam-oracle.ts';
import { resourcesOf, stackOf } from './stack-of.ts';

const { template } = stackOf();
const nested = stackOf({ layout: 'nested' });
const templates = [
  template,
  nested.template,
  ...nested.stack.node
    .findAll()
    .filter((each) => each instanceof NestedStack)
    .map((each) => Template.fromStack(each)),
];

interface Allowed {
  readonly resource: string;
  readonly who: string;
  readonly actions: string;
}

/** Every statement of a resource's policy that allows something. */
function allowedBy(type: string): readonly Allowed[] {
  return [...resourcesOf(template, type)].flatMap(([id, { Properties }]) =>
    // biome-ignore lint/suspicious/noExplicitAny: statements of a template are what they are
    (Properties.PolicyDocument.Statement as any[])
      .filter(({ Effect }) => Effect === 'Allow')
      .map(({ Principal, Action }) => ({
        resource: id.replace(/Policy[0-9A-F]{8}$/, ''),
        who: [Principal.AWS ?? Principal.Service].flat().map(plain).join(' '),
        actions: [Action].flat().toSorted().join(' '),
      })),
  );
}

const CONSUME = 'sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage';

describe('a queue lets', () => {
  const allowed = allowedBy('AWS::SQS::QueuePolicy');
  const by = (who: RegExp) => allowed.filter((each) => who.test(each.who));

  test('SNS send, the janitor empty what is dead, the API count what waits, and nobody do anything else', () => {
    const known = [...by(/^sns\.amazonaws\.com$/), ...by(/JanitorHostRole/), ...by(/Edge(?:Ingest|History)Role/)];

    expect(new Set(by(/^sns\.amazonaws\.com$/).map(({ actions }) => actions))).toEqual(new Set(['sqs:SendMessage']));
    expect(new Set(by(/JanitorHostRole/).map(({ actions }) => actions))).toEqual(new Set([CONSUME]));
    expect(by(/JanitorHostRole/).every(({ resource }) => resource.includes('DeadLetters'))).toBe(true);
    expect(new Set(by(/Edge/).map(({ actions }) => actions))).toEqual(new Set(['sqs:GetQueueAttributes']));
    expect(known).toHaveLength(allowed.length);
    expect(allowed.filter(({ who }) => who === '*')).toEqual([]);
  });

  test('nobody at all send to those of the relay but by their own roles', () => {
    expect(allowed.filter(({ resource }) => /Relay/.test(resource))).toEqual([]);
  });
});

test('topics and the bucket let nobody do anything: they only refuse what is not encrypted on its way', () => {
  expect([...allowedBy('AWS::SNS::TopicPolicy'), ...allowedBy('AWS::S3::BucketPolicy')]).toEqual([]);
});

test('a function is started by its API or its schedule, of this stack, and by nobody else', () => {
  const permissions = [...resourcesOf(template, 'AWS::Lambda::Permission').values()].map(
    ({ Properties }) => Properties,
  );

  expect(permissions.length).toBeGreaterThan(2);
  for (const { Principal, SourceArn, Action } of permissions) {
    expect(['apigateway.amazonaws.com', 'events.amazonaws.com']).toContain(Principal);
    expect(Action).toBe('lambda:InvokeFunction');
    expect(plain(SourceArn)).toMatch(
      /^arn:(?:AWS::Partition:execute-api:AWS::Region:AWS::AccountId:GuildApi|GuildJanitor)/,
    );
  }
  expect(resourcesOf(template, 'AWS::Lambda::Url').size).toBe(0);
});

test('all that a role may do is in policies of its own, in either layout, with no action and no resource left open', () => {
  for (const each of templates) {
    expect([...resourcesOf(each, 'AWS::IAM::ManagedPolicy').keys()]).toEqual([]);
    for (const [id, { Properties }] of resourcesOf(each, 'AWS::IAM::Role')) {
      expect(Properties.ManagedPolicyArns, id).toBeUndefined();
      expect(Properties.Policies, id).toBeUndefined();
      const trusted = Properties.AssumeRolePolicyDocument.Statement;
      expect(trusted).toMatchObject([{ Principal: { Service: 'lambda.amazonaws.com' } }]);
    }
    for (const [id, { Properties }] of resourcesOf(each, 'AWS::IAM::Policy')) {
      for (const { Effect, Action, Resource, NotAction, NotResource } of Properties.PolicyDocument.Statement) {
        expect([NotAction, NotResource], id).toEqual([undefined, undefined]);
        if (Effect === 'Deny') continue;
        expect(
          [Action].flat().filter((action: string) => action.includes('*')),
          id,
        ).toEqual([]);
        expect(
          [Resource].flat().filter((resource: unknown) => resource === '*'),
          id,
        ).toEqual([]);
      }
    }
  }
});

test('attachments are encrypted, not public, and forgotten after their messages', () => {
  const [bucket] = resourcesOf(template, 'AWS::S3::Bucket').values();

  expect(bucket?.Properties).toMatchObject({
    BucketEncryption: {
      ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
    },
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    },
    OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    // 90 days of `page.**`, and 15 more.
    LifecycleConfiguration: { Rules: [{ ExpirationInDays: 105, Status: 'Enabled' }] },
  });
});
