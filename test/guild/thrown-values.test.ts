import { defineAgent, genericJson } from 'guildwire';
import { expect, test } from 'vitest';
import { atOnce, deadLettersOf, Lab, ManualClock, turns } from './lab.ts';

const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};

const hostile = {
  get: () => {
    throw new Error('do not look');
  },
};

test.each<[string, () => unknown]>([
  ['whose message is no text', () => Object.assign(new Error('x'), { message: 42 })],
  ['whose name is no text', () => Object.assign(new Error('x'), { name: { a: 1 } })],
  ['whose stack is no text', () => Object.assign(new Error('x'), { stack: { frames: [] } })],
  ['whose message throws when it is read', () => Object.defineProperty(new Error('x'), 'message', hostile)],
  ['that is a revoked proxy', revoked],
  ['whose code throws when it is read', () => Object.defineProperty(new Error('x'), 'code', hostile)],
])('a handler that throws something %s fails like any other, now or later', async (_, make) => {
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
});
