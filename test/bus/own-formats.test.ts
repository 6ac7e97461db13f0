import { defineAgent, type Format, genericJson, type InputOf, type Json, MemoryBackend, openBus } from 'guildwire';
import { describe, expect, test } from 'vitest';
import { isDeepFrozen } from '../core/deep-frozen.ts';
import { deadLettersOf, Lab } from '../guild/lab.ts';

/** A format without a schema, that stores what a function gives. */
function ownFormat<In>(encode: (input: In) => unknown): Format<'own.format', In, Json> {
  return { name: 'own.format', version: 1, encode: encode as (input: In) => Json, decode: (wire) => wire };
}

const Shallow = ownFormat((list: number[]) => Object.freeze({ list }));
const AsItIs = ownFormat((input: unknown) => input);

describe("what a format of the user's own gives", () => {
  test('is copied and frozen to the bottom, also if it is frozen at the top', async () => {
    await using backend = new MemoryBackend();
    const bus = openBus(backend, { sender: 'user:ada' });
    const list = [1];

    await bus.publish('in', Shallow, list);
    list.push(2);

    const payload = (await bus.read({ topic: 'in' })).items[0]?.payload;
    expect(payload).toEqual({ list: [1] });
    expect(isDeepFrozen(payload)).toBe(true);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, 1n, Symbol('sign'), Object.freeze({ at: new Date(0) }), undefined])(
    'is refused if it is no JSON: %s',
    async (input) => {
      await using backend = new MemoryBackend();
      const bus = openBus(backend, { sender: 'user:ada' });

      await expect(bus.publish('in', AsItIs, input)).rejects.toMatchObject({ code: 'INVALID_MESSAGE' });
      expect((await bus.read({ topic: 'in' })).items).toEqual([]);
    },
  );

  test('is the payload where it is what another format gave', async () => {
    await using backend = new MemoryBackend();
    const bus = openBus(backend, { sender: 'user:ada' });
    const Upper = ownFormat((text: string) => genericJson.encode(text.toUpperCase()));

    await bus.publish('in', Upper, 'a');

    expect((await bus.read({ topic: 'in' })).items).toMatchObject([{ payload: 'A' }]);
  });
});

describe("state in a format of the user's own", () => {
  const rememberer = <F extends Format>(state: F, value: InputOf<F>) =>
    defineAgent({
      ...{ name: 'rememberer', entry: import.meta.url, subscribes: ['a'], state, retry: { attempts: 1 } },
      handlers: (on) => [on.any((_, context) => context.state.set('key', value))],
    });

  test('is copied when it is set', async () => {
    await using lab = new Lab();
    const list = [1];
    const running = await lab.start([rememberer(Shallow, list)]);

    await running.publish('a', genericJson, 1);
    await lab.clock.quiet();
    list.push(2);

    expect((await lab.backend.state('default', 'rememberer', ['key']))[0]?.value).toEqual({ list: [1] });
  });

  test('fails the attempt that sets it if it is no JSON, and says what it is', async () => {
    await using lab = new Lab();
    const running = await lab.start([rememberer(AsItIs, undefined)]);

    await running.publish('a', genericJson, 1);
    await lab.clock.quiet();

    expect(await deadLettersOf(running, 'rememberer')).toMatchObject([{ errors: [{ name: 'PayloadInvalidError' }] }]);
  });
});
