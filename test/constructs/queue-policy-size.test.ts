import { App, Duration, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { expect, test } from 'vitest';
import { AgentQueues } from '../../lib/constructs/agent-queues.ts';
import { TopicFamily } from '../../lib/constructs/topic-family.ts';
import { resourcesOf } from './stack-of.ts';

const PREFIX = 'Shop-';

/** The queue of an agent that follows so many families. */
function follows(families: number): { readonly stack: Stack; readonly queues: AgentQueues } {
  const stack = new Stack(new App({ analyticsReporting: false }), 'Shop');
  const queues = new AgentQueues(stack, 'Queues', { visibilityTimeout: Duration.seconds(30) });
  for (let index = 0; index < families; index++)
    queues.acceptFrom(new TopicFamily(stack, `F${index}`, { pattern: `area${index}.*`, namePrefix: PREFIX }).topic);
  return { stack, queues };
}

/** As SQS gets it. */
function deployedBytes(template: Template): number {
  const topics = resourcesOf(template, 'AWS::SNS::Topic');
  const value = (_: string, given: unknown) => {
    const { Ref, 'Fn::GetAtt': attribute } = (given ?? {}) as { Ref?: string; 'Fn::GetAtt'?: [string] };
    if (Ref === 'AWS::AccountId') return '111122223333';
    const name = Ref === undefined ? attribute?.[0] : topics.get(Ref)?.Properties.TopicName;
    return name === undefined ? given : `arn:aws:sns:ap-southeast-1:111122223333:${name}`;
  };
  const policies = [...resourcesOf(template, 'AWS::SQS::QueuePolicy').values()];
  return Math.max(...policies.map(({ Properties }) => JSON.stringify(Properties.PolicyDocument, value).length));
}

test('a queue whose policy SQS takes is deployed', () => {
  const template = Template.fromStack(follows(50).stack);

  expect(deployedBytes(template)).toBeGreaterThan(7_000);
  expect(deployedBytes(template)).toBeLessThanOrEqual(8_192);
});

test('a queue that so many topics may send to that SQS would refuse its policy is refused', () => {
  expect(() => Template.fromStack(follows(65).stack)).toThrow(
    /\[Shop\/Queues\] the policy of its queue names 65 topics and has about 9\d{3} bytes but the limit is 8192: follow fewer/,
  );
});

test('topics of another stack count as those of this one', () => {
  const { stack, queues } = follows(0);
  for (let index = 0; index < 14; index++)
    queues.acceptFrom(
      Topic.fromTopicArn(stack, `T${index}`, `arn:aws:sns:eu-central-1:111122223333:${'t'.repeat(256)}`),
    );

  expect(() => Template.fromStack(stack)).toThrow(/names 14 topics and has about 9\d{3} bytes/);
});
