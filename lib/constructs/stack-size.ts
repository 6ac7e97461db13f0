/** @module Whether a stack can hold what was built into it. */
import { CfnResource, type Stack } from 'aws-cdk-lib';
import { topStack } from './top-stack.ts';

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html */
const MAX_RESOURCES = 500;
/** Of one operation, in a stack and in all that are nested in it; from the same page. */
const MAX_CHANGED = 2_500;

/** Told here, since the CDK's own refusal knows nothing of layouts. */
export function sizeFaults(stack: Stack, layout: 'flat' | 'nested'): string[] {
  const all = stack.node.findAll().filter((child) => CfnResource.isCfnResource(child));
  const own = all.filter((child) => child.stack === stack);
  const changed = all.filter((child) => topStack(child) === stack);
  const advice =
    layout === 'flat'
      ? "write layout: 'nested', which replaces the queues of agents that are deployed"
      : 'split the guild';
  const what = `resources in the stack ${stack.stackName}`;
  return [
    ...(own.length > MAX_RESOURCES
      ? [`makes ${own.length} ${what}, but the limit is ${MAX_RESOURCES}: ${advice}`]
      : []),
    ...(changed.length > MAX_CHANGED
      ? [`makes ${changed.length} ${what} and those nested in it, but the limit is ${MAX_CHANGED}: split the guild`]
      : []),
  ];
}
