import { defineAgent, genericJson, type Log } from 'guildwire';
import { expect, test } from 'vitest';
import { atOnce, Lab, ManualClock, turns } from './lab.ts';

/** As loggers are that keep their destination in themselves. */
class ClassicLog implements Log {
  readonly lines: string[] = [];
  debug(text: string): void {
    this.lines.push(text);
  }
  info(text: string): void {
    this.lines.push(text);
  }
  warn(text: string): void {
    this.lines.push(text);
  }
  error(text: string): void {
    this.lines.push(text);
  }
}

test('a log may be an object of a class, whose methods need it', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const log = new ClassicLog();
  const agent = defineAgent({
    name: 'clumsy',
    entry: import.meta.url,
    subscribes: ['a'],
    concurrency: 1,
    retry: atOnce(2),
    handlers: (on) => [
      on.any((_, context) => {
        context.log.info('trying');
        throw new Error('no luck');
      }),
    ],
  });
  const running = await lab.start([agent], { log });

  await running.publish('a', genericJson, 1);
  await turns();

  expect(log.lines).toEqual([
    'trying',
    'attempt 1 of 2 failed, again in 0 ms',
    'trying',
    'attempt 2 of 2 failed, now a dead letter',
  ]);
});
