/** @module The stack that is deployed by its name, around those that are nested in it. */
import { Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

export function topStack(scope: IConstruct): Stack {
  let stack = Stack.of(scope);
  while (stack.nestedStackParent !== undefined) stack = stack.nestedStackParent;
  return stack;
}
