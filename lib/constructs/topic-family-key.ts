/** @module What lets SNS hand messages to queues that are encrypted with a key of one's own. */
import { Annotations, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';

const actions = ['kms:Decrypt', 'kms:GenerateDataKey*'];

/**
 * Lets topics of the stack's account and region use the key, in its own policy
 * (https://docs.aws.amazon.com/sns/latest/dg/sns-enable-encryption-for-topic-sqs-queue-subscriptions.html). The policy of an
 * imported key is out of reach: whoever synthesizes is warned.
 */
export function letTopicsUse(key: IKey, scope: Construct): void {
  const topics = Stack.of(scope).formatArn({ service: 'sns', resource: '*' });
  const statement = new PolicyStatement({
    actions,
    principals: [new ServicePrincipal('sns.amazonaws.com')],
    resources: ['*'],
    conditions: { ArnLike: { 'aws:SourceArn': topics } },
  });
  if (key.addToResourcePolicy(statement, true).statementAdded) return;
  const missing = `its policy cannot be changed from here: let sns.amazonaws.com use ${actions.join(' and ')} in it`;
  Annotations.of(key).addWarningV2('guildwire:key', `${missing}, or no message reaches an agent`);
}
