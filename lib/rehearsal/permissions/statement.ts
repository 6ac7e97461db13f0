/** @module Statements of policies, and whether one applies to a call. */
import type { Json, JsonObject } from '../../core/json.ts';
import { type CallContext, type Condition, conditionsOf, holds } from './conditions.ts';
import { likeness } from './likeness.ts';

/** One thing that a call does to one resource; a call may do several. */
export interface Access {
  /** `dynamodb:PutItem`. */
  readonly action: string;
  readonly resource: string;
  readonly context: CallContext;
  /** Several parts of one transaction, which also stand for themselves: nowhere is written whether IAM looks at them together. */
  readonly together?: boolean;
}

/** Who does it. */
export type Principal =
  | { readonly role: string; readonly account: string }
  /** Such as `sns.amazonaws.com`. */
  | { readonly service: string };

export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly hasAction: (action: string) => boolean;
  /** Undefined where it depends on a policy variable. */
  readonly hasResource: (resource: string) => boolean | undefined;
  /** Of the policies of resources only. */
  readonly principal: Json | undefined;
  readonly conditions: readonly Condition[];
}

export function statementsOf(document: Json | undefined): readonly Statement[] {
  const { Statement: statements = [] } = (document ?? {}) as JsonObject;
  return ([statements].flat() as readonly JsonObject[]).map((one) => ({
    effect: one.Effect === 'Deny' ? 'Deny' : 'Allow',
    hasAction: actionsIn(one),
    hasResource: resourcesIn(one),
    principal: one.NotPrincipal === undefined ? one.Principal : { NotPrincipal: one.NotPrincipal },
    conditions: conditionsOf(one.Condition),
  }));
}

/** Undefined where it cannot be told. */
export function applies(statement: Statement, { action, resource, context }: Access): boolean | undefined {
  if (!statement.hasAction(action)) return false;
  return all([statement.hasResource(resource), ...statement.conditions.map((condition) => holds(condition, context))]);
}

/**
 * Whether the policy of a resource means this principal; undefined where it cannot be told. Naming the account lets it give
 * permissions of its own, and is none.
 */
export function means({ effect, principal }: Statement, who: Principal): boolean | undefined {
  if (principal === '*') return true;
  const { AWS = [], Service = [], ...others } = (principal ?? {}) as JsonObject;
  if (Object.keys(others).length > 0) return undefined;
  const texts = (value: Json) => [value].flat().map(String);
  if (texts(AWS).includes('*')) return true;
  if ('service' in who) return texts(Service).includes(who.service);
  const accounts = [who.account, `arn:aws:iam::${who.account}:root`];
  return texts(AWS).some((one) => one === who.role || (effect === 'Deny' && accounts.includes(one)));
}

export function all(parts: readonly (boolean | undefined)[]): boolean | undefined {
  if (parts.includes(false)) return false;
  return parts.includes(undefined) ? undefined : true;
}

const patternsOf = (value: Json) => [value].flat().map(String);

function actionsIn({ Action, NotAction }: JsonObject): Statement['hasAction'] {
  const patterns = patternsOf(Action ?? NotAction ?? []).map((pattern) => likeness(pattern.toLowerCase()));
  return (action) => patterns.some((fits) => fits(action.toLowerCase())) === (Action !== undefined);
}

function resourcesIn({ Resource, NotResource }: JsonObject): Statement['hasResource'] {
  const patterns = patternsOf(Resource ?? NotResource ?? []);
  if (patterns.some((pattern) => pattern.includes('${'))) return () => undefined;
  return (resource) => patterns.some((pattern) => likeness(pattern)(resource)) === (Resource !== undefined);
}
