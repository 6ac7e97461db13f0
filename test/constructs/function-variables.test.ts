import { expect, test } from 'vitest';
import { resourcesOf, stackOf } from './stack-of.ts';

const { template, guild } = stackOf({ namespaces: ['prod', 'pilot'], tracing: true });

test('the variables of a function say no more than its role allows', () => {
  const functions = [...resourcesOf(template, 'AWS::Lambda::Function').values()];
  const variables = (name: string) =>
    Object.keys(functions.find(({ Properties }) => Properties.Description === name)?.Properties.Environment.Variables);

  expect(variables('Agent writer').toSorted()).toEqual([
    'GUILDWIRE_AGENT',
    'GUILDWIRE_BUCKET',
    'GUILDWIRE_LEDGER_TABLE',
    'GUILDWIRE_MESSAGES_TABLE',
    'GUILDWIRE_NAMESPACES',
    'GUILDWIRE_QUEUE',
  ]);
  expect(variables('Agent thinker')).toContain('GUILDWIRE_URGENT_QUEUE');
  expect(variables('Reads what was said')).not.toContain('GUILDWIRE_TOPIC_ARN_PREFIX');
  expect(variables('Reads what was said')).toContain('GUILDWIRE_QUEUES');
  expect(variables('Reads what was said')).not.toContain('GUILDWIRE_SOURCES');
  expect(variables('Publishes to the guild')).toContain('GUILDWIRE_QUEUES');
  expect(variables('Publishes to the guild')).toContain('GUILDWIRE_SOURCES');
  expect(guild.log.namespaces).toEqual(['prod', 'pilot']);
});
