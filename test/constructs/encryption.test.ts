import { Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { expect, test } from 'vitest';
import { AgentFunction } from '../../lib/constructs/agent-function.ts';
import { MessageLog } from '../../lib/constructs/message-log.ts';
import { TopicFamily } from '../../lib/constructs/topic-family.ts';
import keeper from './fixtures/agents/keeper.ts';
import writer from './fixtures/agents/writer.ts';
import { resourcesOf } from './stack-of.ts';

const ARN = 'arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-0000-4444-8888-0a1b2c3d4e5f';

/** A spread agent and an ordered one that are encrypted with a key, without a guild around them. */
function agentsOf(keyIn: (stack: Stack) => IKey): Stack {
  const stack = new Stack(undefined, 'Alone', { env: { region: 'eu-central-1', account: '111122223333' } });
  const encryptionKey = keyIn(stack);
  const log = new MessageLog(stack, 'Log', { encryptionKey });
  const families = ['draft.*', 'page.**', '$**'].map(
    (pattern, index) =>
      new TopicFamily(stack, `Family${index}`, { pattern, namePrefix: 'Alone-', isOrdered: true, encryptionKey }),
  );
  for (const agent of [writer, keeper]) {
    const code = Code.fromInline('export const handler = () => {};');
    new AgentFunction(stack, agent.name, { agent, code, log, families, encryptionKey });
  }
  return stack;
}

test('a key of one\u2019s own lets SNS hand messages to the queues that it encrypts, and only topics of its account', () => {
  const stack = agentsOf((scope) => new Key(scope, 'Key'));
  const [key] = resourcesOf(Template.fromStack(stack), 'AWS::KMS::Key').values();
  const forTopics = key?.Properties.KeyPolicy.Statement.filter(
    ({ Principal }: { Principal: { Service?: string } }) => Principal.Service === 'sns.amazonaws.com',
  );

  expect(forTopics).toEqual([
    {
      Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
      Effect: 'Allow',
      Principal: { Service: 'sns.amazonaws.com' },
      Resource: '*',
      Condition: { ArnLike: { 'aws:SourceArn': expect.anything() } },
    },
  ]);
  expect(JSON.stringify(forTopics)).toContain(':sns:eu-central-1:111122223333:*');
  Annotations.fromStack(stack).hasNoWarning('*', Match.anyValue());
});

test('the policy of an imported key is out of reach, which whoever synthesizes is told', () => {
  const stack = agentsOf((scope) => Key.fromKeyArn(scope, 'Key', ARN));

  Template.fromStack(stack).resourceCountIs('AWS::KMS::Key', 0);
  Annotations.fromStack(stack).hasWarning(
    '/Alone/Key',
    Match.stringLikeRegexp('let sns\\.amazonaws\\.com use kms:Decrypt and kms:GenerateDataKey\\* in it, or no message'),
  );
});
