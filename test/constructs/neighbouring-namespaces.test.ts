import { describe, expect, test } from 'vitest';
import { ledgerKey, messageKey } from '../../lib/environment/aws-keys.ts';
import { allows, rolesOf } from './iam-oracle.ts';
import { resourcesOf, stackOf } from './stack-of.ts';

const { template } = stackOf({ namespaces: ['prod', 'pilot'], tracing: true });
const idOf = (type: string, part: string) =>
  [...resourcesOf(template, type).keys()].find((id) => id.includes(part)) ?? `no ${part}`;
const messages = `arn:${idOf('AWS::DynamoDB::GlobalTable', 'LogMessages')}`;
const ledger = `arn:${idOf('AWS::DynamoDB::GlobalTable', 'LogLedger')}`;
const bucket = `arn:${idOf('AWS::S3::Bucket', 'Attachments')}`;
const roles = [...rolesOf(template)];
const actions = [...new Set(roles.flatMap(([, statements]) => statements.flatMap((each) => each.actions)))];

const ledgerKeys = (namespace: string) => [
  ledgerKey.agent(namespace, 'writer'),
  `${ledgerKey.agent(namespace, 'writer')}#state`,
  ledgerKey.dead(namespace, 'writer'),
  ledgerKey.idempotency(namespace, 'hash'),
  ledgerKey.plan(namespace, 'a-plan'),
  ledgerKey.openPlans(namespace),
  ledgerKey.spend(namespace, 'root'),
  ledgerKey.topics(namespace),
  ledgerKey.trail(namespace, 'root'),
];
const messageKeys = (namespace: string) =>
  ['page.log', '$inbox.writer', '$self.writer', '$dead.writer', '$errors', '$topics'].map((topic) =>
    messageKey(namespace, topic, 0),
  );

/** Everything of a namespace that some role may touch, by whatever action. */
function touchable(namespace: string): readonly string[] {
  const calls: readonly { readonly resource: string; readonly keys?: readonly string[] }[] = [
    ...messageKeys(namespace).map((key) => ({ resource: messages, keys: [key] })),
    { resource: `${messages}/index/byThread`, keys: [`${namespace}#01ARZ3NDEKTSV4RRFFQ69G5FA4`] },
    { resource: `${messages}/index/byConversation`, keys: [`${namespace}#a conversation`] },
    ...ledgerKeys(namespace).map((key) => ({ resource: ledger, keys: [key] })),
    { resource: `${bucket}/${namespace}/x` },
  ];
  return roles.flatMap(([role, statements]) =>
    calls.flatMap((call) =>
      actions.some((action) => allows(statements, { action, ...call }))
        ? [`${role}: ${call.keys ?? call.resource}`]
        : [],
    ),
  );
}

describe('no role of a deployment touches anything of a namespace', () => {
  test.each(['prod-2', 'prod2', 'pro', 'rod', 'pilot_x', 'other', '', '*'])('that is called "%s"', (namespace) => {
    expect(touchable(namespace)).toEqual([]);
  });

  test('but of its own all that there is', () => {
    const touched = touchable('prod').join(' ');

    for (const key of [...messageKeys('prod'), ...ledgerKeys('prod')]) expect(touched).toContain(`: ${key}`);
  });
});
