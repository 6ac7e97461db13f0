import { VirtualClock } from 'guildwire/testing';
import { expect, test } from 'vitest';

test('any number may wait until nothing works', async () => {
  const clock = new VirtualClock();
  clock.beginWork();
  const waiting = [clock.quiet(), clock.quiet(), clock.advance(10)];
  await new Promise((resolve) => setImmediate(resolve));

  clock.endWork();

  await expect(Promise.all(waiting)).resolves.toHaveLength(3);
});
