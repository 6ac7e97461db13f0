/** @module A permission and the variable that says where it may be used: both come from one call, so that they cannot part. */
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { type AwsVariable, awsVariables } from '../environment/aws-variables.ts';

/** Sets the variables of a grantee that is a function, or has one; any other grantee is told in its own way. */
export function provide(grantee: IGrantable, values: { readonly [Name in AwsVariable]?: string }): void {
  const { function: inner } = grantee as { readonly function?: unknown };
  const found = grantee instanceof LambdaFunction ? grantee : inner;
  if (!(found instanceof LambdaFunction)) return;
  for (const [name, value] of Object.entries(values)) found.addEnvironment(awsVariables[name as AwsVariable], value);
}
