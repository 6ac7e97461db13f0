/** @module Rules of cdk-nag's AwsSolutions that do not hold here, each with its reason. */
import { type CfnElement, Names, Stack, Token, Validations } from 'aws-cdk-lib';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct, type IConstruct } from 'constructs';

export function acknowledge(construct: IConstruct, id: string, reason: string): void {
  Validations.of(construct).acknowledge({ id, reason });
}

/** A grant on objects by how their keys begin. The rule names each resource that it finds, as the template of its stack does. */
export function acknowledgeObjects(grantee: IGrantable, bucket: IBucket, objects: readonly string[]): void {
  const { grantPrincipal } = grantee;
  if (!(grantPrincipal instanceof Construct)) return;
  for (const key of objects) {
    for (const arn of arnsOf(bucket)) {
      const reason = 'a role reads and writes all attachments of a namespace, whose names are what they hold';
      acknowledge(grantPrincipal, `AwsSolutions-IAM5[Resource::${arn}/${key}]`, reason);
    }
  }
}

/** A grant on event source mappings, whose names nobody can choose. */
export function acknowledgeSources(scope: Construct, { grantPrincipal }: IGrantable): void {
  if (!(grantPrincipal instanceof Construct)) return;
  const reason = 'a role that pauses agents turns off the event sources that bear the tag of its guild';
  const { region, account } = Stack.of(scope);
  const [where, whose] = [isKnown(region) ? region : '<AWS::Region>', isKnown(account) ? account : '<AWS::AccountId>'];
  const arn = `arn:<AWS::Partition>:lambda:${where}:${whose}:event-source-mapping:*`;
  acknowledge(grantPrincipal, `AwsSolutions-IAM5[Resource::${arn}]`, reason);
}

const isKnown = (value: string) => !Token.isUnresolved(value);

/** In its own stack, and in stacks nested in it. */
function arnsOf(bucket: IBucket): readonly string[] {
  if (isKnown(bucket.bucketArn)) return [bucket.bucketArn];
  const { defaultChild } = bucket.node;
  if (defaultChild === undefined) return [];
  const logicalId = Stack.of(bucket).resolve(Stack.of(bucket).getLogicalId(defaultChild as CfnElement));
  return [`<${logicalId}.Arn>`, `<referenceto${Names.nodeUniqueId(defaultChild.node)}Arn>`];
}
