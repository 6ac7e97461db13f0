import { expect, test } from 'vitest';
import { allows, rolesOf } from './iam-oracle.ts';
import { resourcesOf, stackOf } from './stack-of.ts';

const { template } = stackOf({ namespaces: ['prod', 'pilot'], tracing: true });

test('of all functions only the relay sends to queues: to that of delays, and to the safety net', () => {
  const queues = [...resourcesOf(template, 'AWS::SQS::Queue').keys()];
  const sends = [...rolesOf(template)].flatMap(([role, statements]) =>
    queues
      .filter((queue) => allows(statements, { action: 'sqs:SendMessage', resource: `arn:${queue}` }))
      .map((queue) => [role.replace(/HostServiceRole\w+$|HostRole\w+$/, ''), queue.replace(/\w{8}$/, '')]),
  );

  expect(sends.toSorted()).toEqual([
    ['GuildRelay', 'GuildRelayDelays'],
    ['GuildRelay', 'GuildRelaySafety'],
  ]);
});
