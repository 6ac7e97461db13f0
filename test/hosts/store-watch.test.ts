import { type Backend, BackendUnavailableError, HandlerTimeoutError, MemoryBackend } from 'guildwire';
import { VirtualClock } from 'guildwire/testing';
import { expect, test } from 'vitest';
import { faultOf } from '../../lib/core/fault.ts';
import { StoreWatch } from '../../lib/hosts/node/store-watch.ts';
import { RecordedLog } from '../guild/lab.ts';

type Answer = 'answers' | 'refuses' | 'hangs';

/** A store that answers, refuses or hangs as the test says, and all that is told of it. */
function watched(first: Answer = 'answers') {
  const clock = new VirtualClock();
  const told: string[] = [];
  let answer = first;
  const backend: Backend = Object.assign(new MemoryBackend({ clock }), {
    read: () => {
      if (answer === 'hangs') return new Promise<never>(() => {});
      if (answer === 'refuses') return Promise.reject(new BackendUnavailableError('it is away'));
      return Promise.resolve({ items: [] });
    },
  });
  const watch = new StoreWatch({
    backend,
    namespace: 'default',
    clock,
    onChange: (state, awayMs) => told.push(state === 'lost' ? state : `${state} after ${awayMs}`),
  });
  return {
    clock,
    told,
    watch,
    set answer(next: Answer) {
      answer = next;
    },
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}

/** Steps, so that what hangs is given up and looked at in between. */
async function pass(clock: VirtualClock, seconds: number): Promise<void> {
  for (let step = 0; step < seconds * 2; step++) {
    await clock.advance(500);
    await new Promise(setImmediate);
  }
}

test.each(['refuses', 'hangs'] as const)('a store that %s is told once as lost, and once as back', async (fault) => {
  using store = watched();
  await pass(store.clock, 2);
  expect(store.told).toEqual([]);

  store.answer = fault;
  await pass(store.clock, 10);
  expect(store.told).toEqual(['lost']);
  store.answer = 'answers';
  await pass(store.clock, 5);
  store.answer = fault;
  await pass(store.clock, 5);

  expect(store.told).toEqual(['lost', expect.stringMatching(/^back after \d+$/), 'lost']);
});

test('a store that was never there is not lost', async () => {
  using store = watched('refuses');
  await pass(store.clock, 5);

  expect(store.told).toEqual([]);
});

test('nothing is told after the end', async () => {
  const store = watched();
  await pass(store.clock, 1);
  store[Symbol.dispose]();
  store.answer = 'refuses';
  await pass(store.clock, 5);

  expect(store.told).toEqual([]);
});

test('the log leaves out what is said because the store is lost, and a little longer, and nothing else', async () => {
  using store = watched();
  const log = new RecordedLog();
  const quiet = store.watch.quiet(log);
  const away = { error: faultOf(new BackendUnavailableError('away')) };
  const late = { error: faultOf(new HandlerTimeoutError('clerk', 10)) };
  await pass(store.clock, 1);

  quiet.error('it is full, and not lost', away);
  await pass(store.clock, 1);
  store.answer = 'refuses';
  quiet.error('it is lost', away);
  await pass(store.clock, 2);
  quiet.warn('a handler was late', late);
  store.answer = 'answers';
  await pass(store.clock, 2);
  quiet.error('a call from before', away);
  await pass(store.clock, 20);
  quiet.error('it is full again', away);
  await pass(store.clock, 1);

  expect(log.said.map(({ text }) => text)).toEqual([
    'it is full, and not lost',
    'a handler was late',
    'it is full again',
  ]);
});
