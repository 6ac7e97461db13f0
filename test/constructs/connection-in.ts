import type { Template } from 'aws-cdk-lib/assertions';
import { connectionText } from '../../lib/environment/aws-outputs.ts';
import { plain } from './iam-oracle.ts';

/** What the stack tells programs outside, with names of resources for what only a deployment knows. */
export function connectionIn(template: Template) {
  const outputs = Object.entries(template.toJSON().Outputs as Record<string, { readonly Value: unknown }>);
  return JSON.parse(connectionText(Object.fromEntries(outputs.map(([id, { Value }]) => [id, plain(Value)]))) ?? '');
}
