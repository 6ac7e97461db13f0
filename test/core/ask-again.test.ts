import { VirtualClock } from 'guildwire/testing';
import { expect, test } from 'vitest';
import { AskAgain } from '../../lib/core/ask-again.ts';

/** The times at which a store is asked that never has anything, and waits so long before it says so. */
async function asked(waitMs: number, forMs: number): Promise<readonly number[]> {
  const clock = new VirtualClock();
  const started = clock.now();
  const again = new AskAgain(clock);
  const stop = new AbortController();
  const times: number[] = [];
  const asking = (async () => {
    while (!stop.signal.aborted) {
      again.asking();
      times.push(clock.now() - started);
      if (waitMs > 0) await new Promise<void>((resolve) => clock.setTimer(waitMs, resolve));
      await again.gotNothing(stop.signal);
    }
  })();
  await clock.advance(forMs);
  stop.abort();
  await clock.advance(waitMs);
  await asking;
  return times;
}

test('a store that waits is asked again at once', async () => {
  expect(await asked(500, 1_600)).toEqual([0, 500, 1_000, 1_500]);
});

test('a store that does not wait is asked less and less often, at least once a second', async () => {
  expect(await asked(0, 4_000)).toEqual([0, 20, 60, 140, 300, 620, 1_260, 2_260, 3_260]);
});

test('something new starts the pauses anew', async () => {
  const clock = new VirtualClock();
  const again = new AskAgain(clock);
  const pausing = async () => {
    const before = clock.now();
    again.asking();
    const done = again.gotNothing().then(() => clock.now() - before);
    await clock.advance(1_000);
    return done;
  };

  expect([await pausing(), await pausing()]).toEqual([20, 40]);
  again.gotSomething();
  expect(await pausing()).toBe(20);
});
