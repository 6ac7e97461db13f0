import { type Backend, defineAgent, type LeaseRequest } from 'guildwire';
import { expect, test } from 'vitest';
import { borrowed, Lab, ManualClock, turns } from './lab.ts';

test('a guild whose backend refuses to be asked while it stops is drained at once', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const agent = defineAgent({
    name: 'idle',
    entry: import.meta.url,
    subscribes: ['a'],
    handlers: (on) => [on.any(() => {})],
  });
  const lease = ({ signal }: LeaseRequest) =>
    new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(new Error('connection closed'))));
  const backend = new Proxy<Backend>(borrowed(lab.backend), {
    get: (target, property) => (property === 'lease' ? lease : Reflect.get(target, property)),
  });
  const running = await lab.start([agent], { backend: () => backend });
  await turns();
  let isDrained = false;

  const drained = running.drain().then(() => {
    isDrained = true;
  });
  await turns();

  expect(isDrained).toBe(true);
  await drained;
});
