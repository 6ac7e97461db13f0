import type { Template } from 'aws-cdk-lib/assertions';
import { resourcesOf } from './stack-of.ts';

export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

interface Call {
  readonly action: string;
  readonly resource: string;
  /** Partition keys that a call to DynamoDB names. */
  readonly keys?: readonly string[];
  /** Tags that the resource bears. */
  readonly tags?: Readonly<Record<string, string>>;
}

interface CfnStatement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** `arn:LogicalId` for the ARN of a resource, `LogicalId` for its name, and text as it is. */
export function plain(value: unknown): string {
  if (typeof value === 'string') return value;
  const { Ref, 'Fn::GetAtt': attribute, 'Fn::Join': join } = value as Record<string, unknown>;
  if (typeof Ref === 'string') return Ref;
  if (Array.isArray(attribute)) return attribute[1] === 'Arn' ? `arn:${attribute[0]}` : attribute.join('.');
  if (Array.isArray(join)) return (join[1] as unknown[]).map(plain).join(join[0] as string);
  throw new Error(`${JSON.stringify(value)} is no intrinsic that the oracle knows`);
}

const list = (value: unknown): readonly string[] => [value].flat().map(plain);

export const statementOf = ({ Effect, Action, Resource, Condition = {} }: CfnStatement): Statement => ({
  effect: Effect,
  actions: list(Action),
  resources: list(Resource),
  conditions: Object.fromEntries(
    Object.entries(Condition).map(([operator, keys]) => [
      operator,
      Object.fromEntries(Object.entries(keys).map(([key, values]) => [key, list(values)])),
    ]),
  ),
});

/** By logical id of the role. */
export function rolesOf(template: Template): ReadonlyMap<string, readonly Statement[]> {
  const roles = new Map<string, Statement[]>([...resourcesOf(template, 'AWS::IAM::Role').keys()].map((id) => [id, []]));
  for (const { Properties } of resourcesOf(template, 'AWS::IAM::Policy').values()) {
    const statements = (Properties.PolicyDocument.Statement as CfnStatement[]).map(statementOf);
    for (const role of Properties.Roles) roles.get(role.Ref)?.push(...statements);
  }
  return roles;
}

/** What IAM says to a call, by a role's own policies. */
export function allows(statements: readonly Statement[], call: Call): boolean {
  const applying = statements.filter((statement) => applies(statement, call));
  return applying.some(({ effect }) => effect === 'Allow') && !applying.some(({ effect }) => effect === 'Deny');
}

const applies = ({ actions, resources, conditions }: Statement, { action, resource, keys = [], tags = {} }: Call) =>
  actions.some((pattern) => like(pattern, action)) &&
  resources.some((pattern) => like(pattern, resource)) &&
  Object.entries(conditions).every(([operator, condition]) =>
    Object.entries(condition).every(([key, values]) => {
      const [, tag] = /^aws:ResourceTag\/(.*)$/.exec(key) ?? [];
      if (tag !== undefined && operator === 'StringEquals') return values.includes(tags[tag] ?? '');
      if (key !== 'dynamodb:LeadingKeys') throw new Error(`the oracle knows no condition on ${key}`);
      const matches = (value: string) => values.some((pattern) => like(pattern, value));
      if (operator === 'Null') return (keys.length === 0) === (values[0] === 'true');
      if (operator === 'ForAllValues:StringLike') return keys.every(matches);
      if (operator === 'ForAnyValue:StringLike') return keys.some(matches);
      if (operator === 'ForAllValues:StringNotLike') return !keys.some(matches);
      throw new Error(`the oracle knows no ${operator}`);
    }),
  );

function like(pattern: string, value: string): boolean {
  const escaped = pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${escaped}$`, 's').test(value);
}
