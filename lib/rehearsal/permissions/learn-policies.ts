/** @module What a rehearsal learns of permissions from the template, before anything runs. */

import type { StackScope } from '../resources/stack-scope.ts';
import type { EmulatedEnvironment } from '../template/read-assembly.ts';
import { tablesIn } from './accesses.ts';
import type { Permissions } from './permissions.ts';
import { Policies, policyTypes } from './policies.ts';
import { wiresOf } from './wiring.ts';

/** Also takes down what the template connects without a permission. */
export function learnPolicies(
  permissions: Permissions,
  scope: StackScope,
  { account, region }: EmulatedEnvironment,
): void {
  const resources = scope.resources();
  const functions = resources.filter(({ type }) => type === 'AWS::Lambda::Function');
  const roles = new Map(functions.map(({ name, properties }) => [name, String(properties.Role ?? '')]));
  const policies = new Policies(scope.described(policyTypes));
  permissions.learn({ policies, place: { account, region, tables: tablesIn(resources) }, roles });
  for (const { actor, what, access } of wiresOf(resources, { account, region, roles }))
    permissions.expect(actor, what, access);
}
