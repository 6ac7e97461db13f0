import { defineAgent, genericJson } from 'guildwire';
import { expect, test } from 'vitest';
import { atOnce, deadLettersOf, Lab, ManualClock, turns } from './lab.ts';

const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
test.each<[string, () => unknown]>([['that is a revoked proxy', revoked]])(
  'a handler that throws something %s fails like any other, now or later',
  async (_, make) => {
    for (const act of [
      () => {
        throw make();
      },
      () => Promise.reject(make()),
    ]) {
      await using lab = new Lab({ clock: new ManualClock() });
      const handled: unknown[] = [];
      const agent = defineAgent({
        name: 'clumsy',
        entry: import.meta.url,
        subscribes: ['a'],
        concurrency: 1,
        retry: atOnce(1),
        handlers: (on) => [on.any((payload) => (payload === 'bad' ? act() : void handled.push(payload)))],
      });
      const running = await lab.start([agent]);

      await running.publish('a', genericJson, 'bad');
      await running.publish('a', genericJson, 'good');
      await turns(10);

      expect(handled).toEqual(['good']);
      const [letter] = await deadLettersOf(running, 'clumsy');
      expect(letter?.errors).toEqual([expect.objectContaining({ message: expect.any(String), retryable: true })]);
      expect(JSON.parse(JSON.stringify(letter))).toEqual(letter);
    }
  },
);
