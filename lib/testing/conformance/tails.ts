/** @module H2: following what is said. */
import { expect } from 'vitest';
import { genericJson } from '../../core/format.ts';
import type { ContractGroup } from './contract-test.ts';
import { Recorder } from './stage.ts';

const idle = () => new Recorder('idle', { subscribes: ['z'] });
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);

export const tailsGroup: ContractGroup = {
  title: 'tails',
  define(contract) {
    contract('H2 R1 a backend that cannot follow its log says so', async (stage, { skip }) => {
      const backend = await stage.open([idle().agent]);
      if (backend.features.tailing) skip('the backend can follow its log');
      const running = await stage.start([idle().agent], { backend });
      const options = { reply: genericJson, timeoutMs: stage.unitMs };

      await expect(running.tail({ topic: 'a' }).next()).rejects.toMatchObject({ code: 'UNSUPPORTED_FEATURE' });
      const request = running.request('ask', genericJson, 1, options);
      await expect(request).rejects.toMatchObject({ code: 'UNSUPPORTED_FEATURE' });
    });

    contract(
      'H2 a tail gives the backlog and then what comes, each once, under concurrent publishers',
      async (stage, { skip }) => {
        const backend = await stage.open([idle().agent]);
        if (!backend.features.tailing) skip('the backend cannot follow its log');
        const running = await stage.start([idle().agent], { backend });
        const since = stage.harness.clock.now();
        for (const n of numbers(0, 5)) await running.publish('a.x', genericJson, n);
        const stop = new AbortController();
        const got: unknown[] = [];

        const following = (async () => {
          for await (const message of running.tail({ pattern: 'a.*', since }, { signal: stop.signal })) {
            if (message.payload === 'last') break;
            got.push(message.payload);
          }
        })();
        const publisher = async (from: number) => {
          for (const n of numbers(from, from + 50)) await running.publish(n % 2 === 0 ? 'a.x' : 'a.y', genericJson, n);
        };
        await Promise.all([publisher(100), publisher(200), running.publish('b', genericJson, 'not named')]);
        // What was late may come that much later than what is newer.
        const horizonUnits = Math.ceil(backend.features.tailHorizonMs / stage.unitMs);
        if (horizonUnits > 0) await stage.advance(horizonUnits + 1);
        await running.publish('a.x', genericJson, 'last');
        await following;

        expect(got.slice(0, 5)).toEqual(numbers(0, 5));
        expect(got.slice(5).toSorted()).toEqual([...numbers(100, 150), ...numbers(200, 250)]);
      },
    );

    contract('H2 a tail filters, starts now, waits without an end, and ends by its signal', async (stage, { skip }) => {
      const backend = await stage.open([idle().agent]);
      if (!backend.features.tailing) skip('the backend cannot follow its log');
      const running = await stage.start([idle().agent], { backend });
      await running.publish('a', genericJson, 'before');
      await stage.advance(2);
      const stop = new AbortController();
      const got: unknown[] = [];

      const following = (async () => {
        for await (const message of running.tail({ topic: 'a', priority: 1 }, { signal: stop.signal }))
          got.push(message.payload);
      })();
      await stage.quiet();
      await stage.advance(60);
      await running.publish('a', genericJson, 'one', { priority: 1 });
      await running.publish('a', genericJson, 'another priority');
      await stage.quiet();
      await stage.advance(60);
      await running.publish('a', genericJson, 'two', { priority: 1 });
      await stage.quiet();
      stop.abort();
      await following;

      expect(got).toEqual(['one', 'two']);
    });

    contract(
      'H2 a cursor of the order of arrival goes on where it was, also when nothing was there',
      async (stage, { skip }) => {
        const backend = await stage.open([idle().agent]);
        if (!backend.features.tailing) skip('the backend cannot follow its log');
        const running = await stage.start([idle().agent], { backend });
        await running.publish('b', genericJson, 'elsewhere');
        const query = { namespace: stage.namespace, where: { topic: 'a' }, order: 'arrival', limit: 2 } as const;
        const payloads: unknown[] = [];

        const empty = await backend.read(query);
        for (const n of numbers(0, 5)) await running.publish('a', genericJson, n);
        let after = empty.next;
        for (let page = 0; page < 4; page++) {
          const { items, next } = await backend.read({ ...query, ...(after !== undefined && { after }) });
          payloads.push(...items.map(({ payload }) => payload));
          after = next;
        }

        expect(payloads).toEqual(numbers(0, 5));
      },
    );
  },
};
