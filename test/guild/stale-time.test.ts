import { defineAgent, genericJson } from 'guildwire';
import { expect, test } from 'vitest';
import { deadLettersOf, Lab, ManualClock, turns } from './lab.ts';

test('G2 nothing is started past its deadline, though the runner gave the event loop a turn in between', async () => {
  const clock = new ManualClock();
  await using lab = new Lab({ clock });
  const starts: number[] = [];
  const agent = defineAgent({
    name: 'one',
    entry: import.meta.url,
    subscribes: ['a'],
    handlers: (on) => [on(genericJson, (_, context) => void starts.push(context.now()))],
  });
  const running = await lab.start([agent]);
  await turns();
  clock.pass(1_000); // a turn of the event loop is due
  const deadlineAt = clock.now() + 5;
  await running.publish('a', genericJson, 'late', { deadlineAt });
  setImmediate(() => clock.pass(60_000)); // runs before the turn that the runner asks for is over
  await turns();

  expect(starts.filter((at) => at >= deadlineAt)).toEqual([]);
  expect(await deadLettersOf(running, 'one')).toHaveLength(1);
});
