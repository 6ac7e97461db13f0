import { InvalidDefinitionError, MemoryBackend, openBus, type Timer } from 'guildwire';
import { logging, throttle, timeout } from 'guildwire/middleware';
import { VirtualClock } from 'guildwire/testing';
import { expect, test } from 'vitest';
import { atOnce, deadLettersOf, gate, Lab, turns } from '../../guild/lab.ts';
import { type Act, passesOn, payloadsOf, send, worker } from './worker.ts';

test('a handler that takes longer fails with HandlerTimeoutError, is told, and publishes nothing', async () => {
  await using lab = new Lab();
  const reasons: unknown[] = [];
  const act: Act = async (payload, context) => {
    context.signal.addEventListener('abort', () => reasons.push(context.signal.reason.code));
    passesOn(payload, context);
    await new Promise(() => {});
  };
  const running = await lab.start([worker(act, { use: [timeout(1_000)], retry: atOnce(2) })]);
  await send(running, 'x');
  await turns();

  await lab.clock.force(1_000);
  await lab.clock.force(1_000);
  await turns();

  expect(reasons).toEqual(['HANDLER_TIMEOUT', 'HANDLER_TIMEOUT']);
  expect((await deadLettersOf(running, 'worker'))[0]?.errors).toMatchObject(
    [1, 2].map(() => ({
      code: 'HANDLER_TIMEOUT',
      message:
        'the handler of "worker" did not finish within 1000 ms: make it faster, or raise the ms of its timeout middleware',
    })),
  );
  expect(await payloadsOf(running, 'out')).toEqual([]);
});

test('one that is done in time is not touched, and leaves no timer', async () => {
  const left = new Set<number>();
  class WatchedClock extends VirtualClock {
    override setTimer(delayMs: number, callback: () => void): Timer {
      const timer = super.setTimer(delayMs, callback);
      left.add(delayMs);
      return {
        cancel: () => {
          left.delete(delayMs);
          timer.cancel();
        },
      };
    }
  }
  await using lab = new Lab({ clock: new WatchedClock() });
  const act: Act = async (payload, context) => {
    await context.sleep(999);
    passesOn(payload, context);
  };
  const running = await lab.start([worker(act, { use: [timeout(1_234)] })]);

  await send(running, 'x');
  await lab.clock.advance(60_000);

  expect(await payloadsOf(running, 'out')).toEqual(['x']);
  expect(await running.stats()).toMatchObject([{ waiting: 0, dead: 0 }]);
  expect([...left]).not.toContain(1_234);
});

test('of two the shorter counts, wherever it is', async () => {
  await using lab = new Lab();
  const { opened, open } = gate();
  const found: unknown[] = [];
  const act: Act = async (_, { signal }) => {
    await opened;
    found.push(signal.aborted);
  };
  const pair = (name: string, ...use: ReturnType<typeof timeout>[]) => ({ ...worker(act, { use }), name });
  const running = await lab.start([
    pair('outer', timeout(1_000), timeout(60_000)),
    pair('inner', timeout(60_000), timeout(1_000)),
  ]);
  await send(running, 'x');
  await turns();

  await lab.clock.force(1_000);
  open();
  await turns();

  expect(found).toEqual([true, true]);
});

test('what else is further in is given up as well', async () => {
  await using lab = new Lab();
  const use = [logging(), timeout(500), throttle({ max: 1, intervalMs: 1_000 })];
  const running = await lab.start([worker(passesOn, { use })]);

  await send(running, 'a', 'b');
  await lab.clock.advance(2_000);

  expect(await payloadsOf(running, 'out')).toEqual(['a']);
  expect(lab.log.texts).toContain('warn: handling failed');
});

test.each([0, 1.5, '1000', undefined])('is refused for %j', (ms) => {
  expect(() => timeout(ms as never)).toThrow(InvalidDefinitionError);
});

test('is refused around a bus, where it could do nothing', async () => {
  await using backend = new MemoryBackend();

  expect(() => openBus(backend, { sender: 'user:ada', use: [timeout(1_000)] })).toThrow('has no `publish`');
});
