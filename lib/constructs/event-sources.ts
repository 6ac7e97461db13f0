/**
 * @module The event sources of agents, which pausing turns off and on. One role does it for all agents of the guild, so it is
 * bound to a tag that their mappings bear: sixty ARNs would not fit into its policy.
 */
import { Stack, Tags } from 'aws-cdk-lib';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { acknowledgeSources } from './acknowledge.ts';
import { switchActions } from './permissions.ts';
import { topStack } from './top-stack.ts';

/** Its value is the name of the stack, of which each has one guild. */
export const GUILD_TAG = 'guildwire:guild';

export function tagSource(source: EventSourceMapping): void {
  Tags.of(source).add(GUILD_TAG, topStack(source).stackName);
}

/** Turning event sources of the guild around `scope` off and on: `lambda:UpdateEventSourceMapping` on those with its tag. */
export function grantSwitch(scope: Construct, grantee: IGrantable): Grant {
  const arn = Stack.of(scope).formatArn({ service: 'lambda', resource: 'event-source-mapping:*' });
  acknowledgeSources(scope, grantee);
  return Grant.addToPrincipal({
    grantee,
    actions: [...switchActions],
    resourceArns: [arn],
    conditions: { StringEquals: { [`aws:ResourceTag/${GUILD_TAG}`]: topStack(scope).stackName } },
  });
}
