/** @module Whether SQS takes the policy of a queue, which names each topic that may send to it. */
import { Stack, Token } from 'aws-cdk-lib';
import { CfnTopic, type ITopic } from 'aws-cdk-lib/aws-sns';
import { type Queue, QueuePolicy } from 'aws-cdk-lib/aws-sqs';

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html */
const MAX_BYTES = 8_192;
/** `arn:aws:sqs:ap-southeast-1:111122223333:` */
const ARN_BEGIN = 41;
/** Of a queue; the names of roles are shorter. */
const MAX_NAME = 80;
const MAX_TOPIC_NAME = 256;
const ACCOUNT = 12;

/** @param topics Those that may send to the queue. */
export function queuePolicyFaults(queue: Queue, topics: readonly ITopic[]): string[] {
  const policy = queue.node.tryFindChild('Policy');
  if (!(policy instanceof QueuePolicy)) return [];
  const resolved = (value: unknown): unknown => Stack.of(queue).resolve(value);
  const known = new Map(
    topics.map((topic) => [JSON.stringify(resolved(topic.topicArn)), ARN_BEGIN + nameLength(topic)]),
  );
  const inFull = (_: string, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const [key = '', ...others] = Object.keys(value);
    if (others.length > 0 || (key !== 'Ref' && !key.startsWith('Fn::'))) return value;
    const isPseudo = key === 'Ref' && String((value as { readonly Ref: unknown }).Ref).startsWith('AWS::');
    return '-'.repeat(isPseudo ? ACCOUNT : (known.get(JSON.stringify(value)) ?? ARN_BEGIN + MAX_NAME));
  };
  const bytes = JSON.stringify(resolved(policy.document), inFull).length;
  if (bytes <= MAX_BYTES) return [];
  const what = `the policy of its queue names ${topics.length} topics and has about ${bytes} bytes`;
  return [`${what} but the limit is ${MAX_BYTES}: follow fewer topic families, or declare wider ones`];
}

function nameLength({ node }: ITopic): number {
  const { defaultChild } = node;
  const name = defaultChild instanceof CfnTopic ? defaultChild.topicName : undefined;
  return name === undefined || Token.isUnresolved(name) ? MAX_TOPIC_NAME : name.length;
}
