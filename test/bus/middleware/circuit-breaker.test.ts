import {
  type Backend,
  BackendUnavailableError,
  genericJson,
  InvalidDefinitionError,
  type Json,
  MemoryBackend,
  openBus,
  PermanentError,
  Postponed,
} from 'guildwire';
import { circuitBreaker, type Middleware } from 'guildwire/middleware';
import { VirtualClock } from 'guildwire/testing';
import { describe, expect, test } from 'vitest';
import { Circuit } from '../../../lib/bus/middleware/circuit.ts';
import { borrowed, deadLettersOf, gate, Lab, turns } from '../../guild/lab.ts';
import { type Act, send, worker } from './worker.ts';

const out = () => new Error('the model is out');

/** What a handler does while its service is up, or is not. */
class Service {
  isUp = false;
  readonly tried: [Json, number][] = [];
  readonly act: Act = (payload, { attempt }) => {
    this.tried.push([payload, attempt]);
    if (!this.isUp) throw out();
  };

  get payloads(): readonly Json[] {
    return this.tried.map(([payload]) => payload);
  }
}

describe('around a handler', () => {
  test('after failures in a row nothing is tried for a while, and no attempts are burnt', async () => {
    await using lab = new Lab();
    const service = new Service();
    const use = [circuitBreaker({ failures: 2, openMs: 10_000 })];
    const retry = { attempts: 5, baseMs: 0, maxMs: 0 };
    const running = await lab.start([worker(service.act, { use, retry, concurrency: 1 })]);

    await send(running, 'a', 'b', 'c');
    await lab.clock.advance(9_999);
    expect(service.tried).toEqual([
      ['a', 1],
      ['a', 2],
    ]);
    service.isUp = true;
    await lab.clock.advance(1);

    expect(service.payloads.slice(2).toSorted()).toEqual(['a', 'b', 'c']);
    expect(lab.log.texts).toContain('warn: takes nothing for 10000 ms: the circuit is open after repeated failures');
    expect(service.tried.slice(2).toSorted()).toEqual([
      ['a', 3],
      ['b', 1],
      ['c', 1],
    ]);
    expect(await running.stats()).toMatchObject([{ waiting: 0, dead: 0 }]);
  });

  test('then one is let through while the others wait, and if it works they follow', async () => {
    await using lab = new Lab();
    const service = new Service();
    const { opened, open } = gate();
    const probes: Json[] = [];
    const act: Act = async (payload, context) => {
      if (!service.isUp) return service.act(payload, context);
      probes.push(payload);
      await opened;
    };
    const use = [circuitBreaker({ failures: 1, openMs: 1_000 })];
    const running = await lab.start([worker(act, { use })]);
    await send(running, 'a');
    await lab.clock.advance(0);
    service.isUp = true;
    await send(running, 'b', 'c', 'd');
    await lab.clock.force(1_000);
    await turns();
    expect(probes).toHaveLength(1);

    open();
    await lab.clock.advance(0);

    expect(probes.toSorted()).toEqual(['b', 'c', 'd']);
  });

  test('and if it fails all stand back again', async () => {
    await using lab = new Lab();
    const service = new Service();
    const use = [circuitBreaker({ failures: 1, openMs: 1_000 })];
    const act: Act = async (payload, context) => {
      await context.sleep(10);
      return service.act(payload, context);
    };
    const running = await lab.start([worker(act, { use, retry: { attempts: 9, baseMs: 0, maxMs: 0 } })]);
    await send(running, 'a', 'b', 'c');
    await lab.clock.advance(10);
    expect(service.tried).toHaveLength(3);

    await lab.clock.advance(1_010);
    expect(service.tried).toHaveLength(4);
    await lab.clock.advance(1_010);
    expect(service.tried).toHaveLength(5);

    service.isUp = true;
    await lab.clock.advance(2_000);
    expect(await running.stats()).toMatchObject([{ waiting: 0, dead: 0 }]);
  });

  test('those that wait for one that takes long come again, uncounted', async () => {
    await using lab = new Lab();
    const handled: [Json, number][] = [];
    const act: Act = (payload, { attempt }) => {
      if (payload === 'bad') throw out();
      handled.push([payload, attempt]);
    };
    const slow: Middleware = {
      async handle({ sleep }, next) {
        await sleep(handled.length === 0 ? 5_000 : 0);
        await next();
      },
    };
    const use = [circuitBreaker({ failures: 1, openMs: 1_000 }), slow];
    const running = await lab.start([worker(act, { use, timeoutMs: 8_000 })]);
    await send(running, 'bad');
    await lab.clock.advance(5_000);
    await send(running, 'a', 'b');
    await lab.clock.advance(1_000);
    const toldBefore = lab.log.texts.length;
    await lab.clock.advance(3_999);
    expect(lab.log.texts).toHaveLength(toldBefore);
    await lab.clock.advance(1);
    expect(lab.log.texts.slice(toldBefore)).toEqual([
      'warn: takes nothing for 1000 ms: the circuit is open after repeated failures',
    ]);
    expect(handled).toEqual([]);
    await lab.clock.advance(4_000);

    expect(handled.toSorted()).toEqual([
      ['a', 1],
      ['b', 1],
    ]);
  });

  test('a success in between starts the count anew', async () => {
    await using lab = new Lab();
    const tried: Json[] = [];
    const act: Act = (payload) => {
      tried.push(payload);
      if (payload === 'bad') throw out();
    };
    const running = await lab.start([worker(act, { use: [circuitBreaker({ failures: 2 })], concurrency: 1 })]);

    await send(running, 'bad', 'good', 'bad', 'good', 'bad', 'bad', 'late');
    await lab.clock.advance(0);

    expect(tried).toEqual(['bad', 'good', 'bad', 'good', 'bad', 'bad']);
  });

  test.each<[string, () => unknown]>([
    ['a message that no retry helps', () => new PermanentError('no use')],
    ['a delivery that is postponed', () => new Postponed(60_000)],
  ])('%s says nothing about the next', async (_, make) => {
    await using lab = new Lab();
    let tried = 0;
    const act: Act = () => {
      tried++;
      throw make();
    };
    const running = await lab.start([worker(act, { use: [circuitBreaker({ failures: 1 })], concurrency: 1 })]);

    await send(running, 1, 2, 3);
    await lab.clock.advance(0);

    expect(tried).toBe(3);
  });

  test('a probe that says nothing lets the next be the probe', async () => {
    await using lab = new Lab();
    const tried: Json[] = [];
    const act: Act = async (payload, context) => {
      tried.push(payload);
      await context.sleep(10);
      if (payload === 'bad') throw out();
      throw new PermanentError('no use');
    };
    const use = [circuitBreaker({ failures: 1, openMs: 1_000 })];
    const running = await lab.start([worker(act, { use })]);
    await send(running, 'bad');
    await lab.clock.advance(10);
    await send(running, 'a', 'b', 'c');

    await lab.clock.advance(1_009);
    expect(tried).toHaveLength(2);
    await lab.clock.advance(10);
    expect(tried).toHaveLength(3);
    await lab.clock.advance(10);

    expect(tried).toHaveLength(4);
  });

  test('a handler that hangs until its attempt is given up is a failure', async () => {
    await using lab = new Lab();
    const tried: Json[] = [];
    const act: Act = (payload) => {
      tried.push(payload);
      return new Promise(() => {});
    };
    const use = [circuitBreaker({ failures: 1 })];
    const running = await lab.start([worker(act, { use, timeoutMs: 1_000, concurrency: 1 })]);
    await send(running, 'a', 'b');
    await turns();

    await lab.clock.force(1_000);
    await turns();

    expect(tried).toEqual(['a']);
    expect(await running.stats()).toMatchObject([{ waiting: 1, dead: 1 }]);
  });

  test('a probe is over also when what its author says of it fails', async () => {
    await using lab = new Lab();
    const tried: Json[] = [];
    const act: Act = (payload) => {
      tried.push(payload);
      if (payload !== 'good') throw out();
    };
    const isFailure = () => {
      if (tried.length > 1) throw new TypeError('no such property');
      return true;
    };
    const use = [circuitBreaker({ failures: 1, openMs: 1_000, isFailure })];
    const running = await lab.start([worker(act, { use, concurrency: 1 })]);

    await send(running, 'a', 'b', 'good');
    await lab.clock.advance(1_000);

    expect(tried).toEqual(['a', 'b', 'good']);
  });

  test('an author may say what counts', async () => {
    await using lab = new Lab();
    const service = new Service();
    const use = [circuitBreaker({ failures: 1, isFailure: (error) => (error as Error).message !== out().message })];
    const running = await lab.start([worker(service.act, { use })]);

    await send(running, 1, 2);
    await lab.clock.advance(0);

    expect(await deadLettersOf(running, 'worker')).toHaveLength(2);
  });

  test('agents with the same object share the circuit, and those with one of their own do not', async () => {
    await using lab = new Lab();
    const tried: string[] = [];
    const shared = circuitBreaker({ failures: 1 });
    const named = (name: string, circuit: Middleware) => {
      const act = async () => {
        tried.push(name);
        throw out();
      };
      return { ...worker(act, { use: [circuit] }), name };
    };
    const running = await lab.start([
      named('a', shared),
      named('b', shared),
      named('c', circuitBreaker({ failures: 1 })),
    ]);

    await send(running, 1);
    await lab.clock.advance(0);
    const first = [...tried];
    await send(running, 2);
    await lab.clock.advance(0);

    expect(tried).toEqual(first);
    expect(first).toContain('c');
  });
});

describe('around publishing', () => {
  function failingBackend(backend: MemoryBackend, calls: unknown[], state: { isUp: boolean }): Backend {
    const append: Backend['append'] = async (drafts, nonce) => {
      calls.push(drafts.length);
      if (!state.isUp) throw new BackendUnavailableError('the store is away');
      return backend.append(drafts, nonce);
    };
    return new Proxy<Backend>(borrowed(backend), {
      get: (target, property) => (property === 'append' ? append : Reflect.get(target, property)),
    });
  }

  test('while it is open publishing rejects at once; then one is tried, and closes it', async () => {
    await using backend = new MemoryBackend();
    const clock = new VirtualClock();
    const calls: unknown[] = [];
    const state = { isUp: false };
    const use = [circuitBreaker({ failures: 2, openMs: 5_000 })];
    const bus = openBus(failingBackend(backend, calls, state), { sender: 'user:ada', clock, use });
    const publish = () =>
      bus.publish('in', genericJson, 'x').then(
        () => 'stored',
        (error) => `${error.code} ${error.retryAfterMs ?? ''}`,
      );

    expect([await publish(), await publish()]).toEqual(['BACKEND_UNAVAILABLE ', 'BACKEND_UNAVAILABLE ']);
    await clock.advance(2_000);
    expect(await publish()).toBe('CIRCUIT_OPEN 3000');
    await clock.advance(3_000);
    expect(await Promise.all([publish(), publish()])).toEqual(['BACKEND_UNAVAILABLE ', 'CIRCUIT_OPEN 5000']);
    expect(await publish()).toBe('CIRCUIT_OPEN 5000');
    expect(calls).toHaveLength(3);
    state.isUp = true;
    await clock.advance(5_000);

    expect([await publish(), await publish()]).toEqual(['stored', 'stored']);
  });

  test('what is wrong with a message does not open it', async () => {
    await using backend = new MemoryBackend();
    const bus = openBus(backend, { sender: 'user:ada', use: [circuitBreaker({ failures: 1 })] });

    await expect(bus.publish('a b', genericJson, 'x')).rejects.toMatchObject({ code: 'INVALID_MESSAGE' });

    await expect(bus.publish('in', genericJson, 'x')).resolves.toBeDefined();
  });
});

describe('the circuit', () => {
  const options = { failures: 1, openMs: 1_000 };

  test('is not closed by what began before it opened', () => {
    const circuit = new Circuit(new VirtualClock(), options);
    const [first, second] = [circuit.pass(), circuit.pass()];

    circuit.end(first, 'failed');
    circuit.end(second, 'worked');

    expect(circuit.openForMs()).toBe(1_000);
  });

  test('is not opened again by what began before it closed', async () => {
    const clock = new VirtualClock();
    const circuit = new Circuit(clock, options);
    const [first, late] = [circuit.pass(), circuit.pass()];
    circuit.end(first, 'failed');
    await clock.advance(1_000);
    circuit.end(circuit.pass(), 'worked');

    circuit.end(late, 'failed');

    expect(circuit.openForMs()).toBe(0);
  });

  test('opens no longer when the clock is set back', () => {
    const clock = new VirtualClock();
    const circuit = new Circuit(clock, options);
    circuit.end(circuit.pass(), 'failed');

    clock.step(-3_600_000);

    expect(circuit.openForMs()).toBe(1_000);
  });
});

test.each<[string, unknown, readonly string[]]>([
  ['numbers that are none', { failures: 0, openMs: 0 }, ['failures', 'openMs']],
  ['an option that there is not', { threshold: 3, isFailure: 1 }, ['threshold', 'isFailure']],
])('is refused with %s', (_, given, fields) => {
  const make = () => circuitBreaker(given as never);

  expect(make).toThrow(InvalidDefinitionError);
  expect(make).toThrow(expect.objectContaining({ faults: fields.map((field) => expect.objectContaining({ field })) }));
});
