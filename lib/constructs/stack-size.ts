/** @module Whether a stack can hold what was built into it. */
import { CfnResource, type Stack } from 'aws-cdk-lib';

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html */
const MAX_RESOURCES = 500;

/** Told here, since the CDK's own refusal knows nothing of layouts. */
export function sizeFaults(stack: Stack, layout: 'flat' | 'nested'): string[] {
  const own = stack.node.findAll().filter((child) => CfnResource.isCfnResource(child) && child.stack === stack);
  if (own.length <= MAX_RESOURCES) return [];
  const advice =
    layout === 'flat'
      ? "write layout: 'nested', which replaces the queues of agents that are deployed"
      : 'split the guild';
  return [
    `makes ${own.length} resources in the stack ${stack.stackName}, but the limit is ${MAX_RESOURCES}: ${advice}`,
  ];
}
