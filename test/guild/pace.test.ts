import { defineAgent, genericJson } from 'guildwire';
import { expect, test } from 'vitest';
import { Pace } from '../../lib/guild/pace.ts';
import { Lab, ManualClock, turns } from './lab.ts';

test('a turn is due after ten milliseconds, and when the clock steps back', async () => {
  const pace = new Pace(1_000);

  expect([1_000, 1_010, 1_011, 999].map((now) => pace.isDue(now))).toEqual([false, false, true, true]);
  await pace.turn(1_011);
  expect([1_021, 1_022].map((now) => pace.isDue(now))).toEqual([false, true]);
});

test('handlers that never wait leave a turn to everything else of the process before the backlog is done', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const { clock } = lab;
  const order: string[] = [];
  const busy = (name: string) =>
    defineAgent({
      name,
      entry: import.meta.url,
      subscribes: ['a'],
      handlers: (on) => [
        on.any(() => {
          clock.pass(4);
          order.push(name);
        }),
      ],
    });
  const running = await lab.start([busy('one'), busy('other')]);
  for (let n = 0; n < 100; n++) await running.publish('a', genericJson, n);

  const handled = () => order.filter((name) => name !== 'turn').length;
  setImmediate(function turn() {
    order.push('turn');
    if (handled() < 200) setImmediate(turn);
  });
  await turns(200);

  const runs = order
    .join(' ')
    .split('turn')
    .map((run) => run.trim().split(' ').length);
  expect(handled()).toBe(200);
  expect(Math.max(...runs)).toBeLessThan(20);
});
