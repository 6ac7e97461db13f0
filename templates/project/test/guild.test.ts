import { testGuild } from 'guildwire/testing';
import { expect, test } from 'vitest';
import { Greeting, Guest } from '../formats.ts';
import guild from '../guild.ts';

test('a guest is greeted, quietly and then loudly', async () => {
  await using stage = await testGuild(guild);

  const { handled, failed } = await stage.run('guests', Guest, { name: 'Ada' });

  expect({ handled, failed }).toEqual({ handled: 2, failed: 0 });
  expect(await stage.published(Greeting)).toEqual([{ text: 'Hello, Ada!' }, { text: 'HELLO, ADA!' }]);
});
