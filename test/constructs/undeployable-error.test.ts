import { inspect } from 'node:util';
import { App, Stack } from 'aws-cdk-lib';
import { defineAgent, defineGuild } from 'guildwire';
import { expect, test } from 'vitest';
import { Guild, type GuildProps } from '../../lib/constructs/guild.ts';

function printed(props: GuildProps): string {
  try {
    new Guild(new Stack(new App(), 'Shop'), 'Guild', props);
  } catch (error) {
    return inspect(error);
  }
  throw new Error('it was not refused');
}

const agent = defineAgent({
  name: 'listener',
  entry: import.meta.url,
  subscribes: ['said'],
  handlers: (on) => [on.any(() => {})],
});

test('what Node.js prints of a refusal is the message once, and where the app asked for it', () => {
  const text = printed({ guild: defineGuild({ name: 'shop', agents: [agent] }), namespaces: ['no good'] });

  expect(text.match(/no good/g)).toHaveLength(1);
  expect(text).toContain('undeployable-error.test.ts');
  expect(text).not.toContain('lib/constructs/');
  expect(text).not.toContain('faults:');
});

test.each<[string, object, string]>([
  ['no guild', { guild: undefined }, 'guild: got undefined: give what defineGuild returned'],
  ['a layout that there is not', { layout: 'nest' }, `layout: got "nest": allowed are 'flat' and 'nested'`],
])('from JavaScript, %s is refused in words', (_, props, problem) => {
  expect(printed({ guild: defineGuild({ name: 'shop', agents: [agent] }), ...props })).toContain(
    `Shop/Guild cannot be deployed: ${problem}`,
  );
});
