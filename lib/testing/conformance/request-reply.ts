/** @module R, and D9's `request`: asking over the bus, and being answered. */
import { expect } from 'vitest';
import { openBus } from '../../bus/bus.ts';
import { genericJson } from '../../core/format.ts';
import type { ContractGroup } from './contract-test.ts';
import { Recorder } from './stage.ts';

/** Answers what it is asked, after `units` of time. */
const answerer = (units = 0) =>
  new Recorder('answerer', { subscribes: ['ask'] }, async (payload, context) => {
    if (payload === 'fail') return context.fail('NO_SUCH_PRICE', 'never heard of it');
    if (payload === 'silence') return;
    if (units > 0) await context.sleep(units);
    context.reply(genericJson, { answer: payload });
    if (payload === 'twice') context.reply(genericJson, { answer: 'again' });
  });

export const requestReplyGroup: ContractGroup = {
  title: 'request/reply',
  define(contract) {
    contract(
      'R1 a request gives the reply, whether it comes early, late within its time, or twice',
      async (stage, { skip }) => {
        const { agent } = answerer(2 * stage.unitMs);
        const backend = await stage.open([agent]);
        if (!backend.features.tailing) skip('the backend cannot follow its log');
        const running = await stage.start([agent], { backend });
        const options = { reply: genericJson, timeoutMs: 10 * stage.unitMs };

        const asked = ['one', 'twice'].map((payload) => running.request('ask', genericJson, payload, options));
        await stage.advance(4);

        expect(await Promise.all(asked)).toEqual([{ answer: 'one' }, { answer: 'twice' }]);
        expect(await running.ignoredReplies()).toBe(0);
      },
    );

    contract('R1 fails when no reply came in time, and a late one disturbs nobody', async (stage, { skip }) => {
      const { agent } = answerer(5 * stage.unitMs);
      const backend = await stage.open([agent]);
      if (!backend.features.tailing) skip('the backend cannot follow its log');
      const running = await stage.start([agent], { backend });

      const late = running.request('ask', genericJson, 'x', { reply: genericJson, timeoutMs: 2 * stage.unitMs });
      const refused = late.catch((error: unknown) => error);
      await stage.advance(3);
      expect(await refused).toMatchObject({ code: 'REQUEST_TIMEOUT' });
      await stage.advance(4);

      const next = running.request('ask', genericJson, 'y', { reply: genericJson, timeoutMs: 20 * stage.unitMs });
      await stage.advance(6);
      expect(await next).toEqual({ answer: 'y' });
    });

    contract(
      "R1 fail rejects with the agent's reason, and a reply that does not fit its format is refused",
      async (stage, { skip }) => {
        const { agent } = answerer();
        const backend = await stage.open([agent]);
        if (!backend.features.tailing) skip('the backend cannot follow its log');
        const running = await stage.start([agent], { backend });
        const Strict = { ...genericJson, name: 'strict', decode: () => genericJson.encode(undefined as never) };

        const failed = running.request('ask', genericJson, 'fail', {
          reply: genericJson,
          timeoutMs: 20 * stage.unitMs,
        });
        await expect(failed).rejects.toMatchObject({ code: 'REMOTE', remoteCode: 'NO_SUCH_PRICE' });
        const unfit = running.request('ask', genericJson, 'x', { reply: Strict, timeoutMs: 20 * stage.unitMs });
        await expect(unfit).rejects.toMatchObject({ code: 'PAYLOAD_INVALID' });
      },
    );

    contract(
      'R1 a reply to something else is ignored and counted, and any instance can wait',
      async (stage, { skip }) => {
        const addresses: string[] = [];
        const recorder = new Recorder('answerer', { subscribes: ['ask'] }, (payload, context) => {
          addresses.push(context.message.replyTo ?? '');
          if (payload === 'foreign')
            context.reply(genericJson, 'to something else', { inReplyTo: `ask/${'0'.repeat(26)}` as never });
          context.reply(genericJson, payload);
        });
        const backend = await stage.open([recorder.agent]);
        if (!backend.features.tailing) skip('the backend cannot follow its log');
        await stage.start([recorder.agent], { backend });
        const buses = ['user:one', 'user:two'].map((sender) =>
          openBus(backend, { namespace: stage.namespace, sender, clock: stage.harness.clock }),
        );

        const options = { reply: genericJson, timeoutMs: 20 * stage.unitMs };
        const asked = buses.map((bus, index) =>
          bus.request('ask', genericJson, index === 0 ? 'foreign' : 'mine', options),
        );

        expect(await Promise.all(asked)).toEqual(['foreign', 'mine']);
        expect(await Promise.all(buses.map((bus) => bus.ignoredReplies()))).toEqual([1, 0]);
        expect(new Set(addresses).size).toBe(2);
      },
    );

    contract('R1 nobody subscribes to replies, which are stored and not delivered', async (stage, { skip }) => {
      const { agent } = answerer();
      const curious = new Recorder('curious', { subscribes: ['**'] });
      const backend = await stage.open([agent, curious.agent]);
      if (!backend.features.tailing) skip('the backend cannot follow its log');
      const running = await stage.start([agent, curious.agent], { backend });

      await running.request('ask', genericJson, 'x', { reply: genericJson, timeoutMs: 20 * stage.unitMs });
      await stage.fence(running, curious, 'ask');

      expect(curious.payloads).toEqual(['x']);
    });

    contract(
      'D9 a request of a handler is an effect: the next attempt finds the same message and reply',
      async (stage, { skip }) => {
        const server = answerer();
        const replies: unknown[] = [];
        const retry = { attempts: 3, baseMs: 0, maxMs: 0 };
        const buyer = new Recorder(
          'buyer',
          { subscribes: ['orders'], publishes: ['ask'], retry },
          async (_, context) => {
            const price = `attempt ${context.attempt}`;
            replies.push(
              await context.request('ask', genericJson, price, { reply: genericJson, timeoutMs: 20 * stage.unitMs }),
            );
            if (context.attempt < 3) throw new Error('again');
          },
        );
        const backend = await stage.open([server.agent, buyer.agent]);
        if (!backend.features.tailing) skip('the backend cannot follow its log');
        const running = await stage.start([server.agent, buyer.agent], { backend });

        await running.publish('orders', genericJson, 1);
        await buyer.started(3);
        await stage.fence(running, buyer, 'orders');

        expect(replies).toEqual(Array(3).fill({ answer: 'attempt 1' }));
        expect(server.attempts).toHaveLength(1);
      },
    );

    contract('R1 a request that cannot be one is refused before anything is stored', async (stage) => {
      const { agent } = answerer();
      const running = await stage.start([agent]);

      const refused = running.request('ask', genericJson, 1, { reply: undefined as never, timeoutMs: -1 });

      await expect(refused).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(await running.topics()).toEqual([]);
    });
  },
};
