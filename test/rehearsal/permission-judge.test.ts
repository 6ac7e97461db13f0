import { describe, expect, test } from 'vitest';
import type { Json, JsonObject } from '../../lib/core/json.ts';
import { type CallContext, conditionsOf, holds } from '../../lib/rehearsal/permissions/conditions.ts';
import { judge, type Verdict } from '../../lib/rehearsal/permissions/judge.ts';
import { statementsOf } from '../../lib/rehearsal/permissions/statement.ts';

const allow = (Action: Json, Resource: Json = '*', Condition: JsonObject = {}): JsonObject => ({
  Effect: 'Allow',
  Action,
  Resource,
  Condition,
});
const deny = (Action: Json, Resource: Json = '*', Condition: JsonObject = {}): JsonObject => ({
  ...allow(Action, Resource, Condition),
  Effect: 'Deny',
});

describe('a condition', () => {
  const key = 'dynamodb:LeadingKeys';
  test.each<[operator: string, wanted: Json, found: readonly string[] | undefined, outcome: boolean | undefined]>([
    ['StringEquals', ['a', 'b'], ['b'], true],
    ['StringEquals', 'a', ['A'], false],
    ['StringEquals', 'a', [], false],
    ['StringEqualsIfExists', 'a', [], true],
    ['StringNotEquals', 'a', [], true],
    ['StringNotEquals', ['a', 'b'], ['b'], false],
    ['StringLike', 'a*?', ['a'], false],
    ['StringLike', 'a*?', ['a.b'], true],
    ['StringLike', 'a.*', ['axb'], false],
    ['ForAllValues:StringLike', 'a*', ['a1', 'a2'], true],
    ['ForAllValues:StringLike', 'a*', ['a1', 'b2'], false],
    ['ForAllValues:StringLike', 'a*', [], true],
    ['ForAnyValue:StringLike', 'a*', ['b1', 'a2'], true],
    ['ForAnyValue:StringLike', 'a*', [], false],
    ['ForAllValues:StringNotLike', 'a*', ['b1', 'c1'], true],
    ['ForAllValues:StringNotLike', 'a*', ['b1', 'a1'], false],
    ['Null', 'false', ['a'], true],
    ['Null', 'false', [], false],
    ['Null', true, [], true],
    ['Bool', false, ['true'], false],
    ['NumericLessThan', '1.2', ['1.3'], false],
    ['ArnNotEquals', 'arn:a', ['arn:b'], true],
    ['StringLike', 'a*', undefined, undefined],
    ['IpAddress', '10.0.0.0/8', ['10.1.1.1'], undefined],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as policies have it
    ['StringEquals', '${aws:userid}', ['a'], undefined],
    ['StringEquals', 'a', ['a', 'b'], undefined],
  ])('%s %j of %j: %s', (operator, wanted, found, outcome) => {
    const context: CallContext = found === undefined ? {} : { [key.toLowerCase()]: found };
    const [condition] = conditionsOf({ [operator]: { [key]: wanted } });

    expect(condition && holds(condition, context)).toBe(outcome);
  });
});

describe('of several statements', () => {
  const unknown = { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } };
  test.each<[string, readonly JsonObject[], Verdict]>([
    ['none', [], 'missing'],
    ['one for another action', [allow('sqs:SendMessage')], 'missing'],
    ['one for another resource', [allow('s3:Get*', 'arn:aws:s3:::other/*')], 'missing'],
    ['one that allows', [allow('S3:getobject', 'arn:aws:s3:::files/*')], 'allowed'],
    ['one that allows all but this', [{ Effect: 'Allow', NotAction: 's3:Get*', Resource: '*' }], 'missing'],
    ['one for all but this', [{ Effect: 'Allow', Action: '*', NotResource: 'arn:aws:s3:::files/*' }], 'missing'],
    ['one that allows, one that forbids', [allow('*'), deny('s3:*')], 'denied'],
    ['one that maybe allows', [allow('*', '*', unknown)], 'unknown'],
    ['one that maybe allows, and one that does', [allow('*', '*', unknown), allow('*')], 'allowed'],
    ['one that maybe forbids', [allow('*'), deny('*', '*', unknown)], 'unknown'],
    ['one that certainly forbids', [allow('*'), deny('*', '*', unknown), deny('*')], 'denied'],
  ])('%s: %#', (_, statements, verdict) => {
    const who = { role: 'arn:aws:iam::000000000000:role/r', account: '000000000000' };
    const own = statementsOf({ Statement: statements });
    const access = { action: 's3:GetObject', resource: 'arn:aws:s3:::files/a/b', context: {} };

    expect(judge({ who, own, others: [] }, access)).toBe(verdict);
  });
});
