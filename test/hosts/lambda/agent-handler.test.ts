import { type Agent, defineAgent, defineFormat, PermanentError, Postponed } from 'guildwire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod';
import { toReference } from '../../../lib/core/message.ts';
import { agentHandler } from '../../../lib/hosts/lambda/agent-handler.ts';
import { follower, manifestOf } from '../../backends/aws/relay/lab.ts';
import { AgentLab, again, eventOf, say, stubEnvironment } from './agent-lab.ts';
import { contextOf } from './lab.ts';

const Said = defineFormat('doc.said', z.object({ text: z.string() }));
let lab: AgentLab;
beforeAll(async () => {
  lab = await AgentLab.start();
});
afterAll(() => lab[Symbol.asyncDispose]());

type Told = { readonly payload: unknown; readonly attempt: number };

/** Where the agent publishes; the tests have one log. */
const heardOf = (agent: string) => `doc.heard-${agent}`;

/** Notes what it handles, publishes it, and does as the payload says. */
function agentOf(name: string, other: Partial<Agent> = {}, act: (payload: unknown) => void | Promise<void> = () => {}) {
  const told: Told[] = [];
  const heard = heardOf(name);
  const agent = defineAgent({
    name,
    entry: import.meta.url,
    subscribes: ['doc.*'],
    publishes: [heard, 'strict.*'],
    retry: { attempts: 3, baseMs: 0, maxMs: 0 },
    handlers: (on) => [
      on.any(async (payload, context) => {
        told.push({ payload, attempt: context.attempt });
        await act(payload);
        context.publish(heard, Said, { text: String(payload) });
      }),
    ],
  });
  return { agent: { ...agent, ...other }, told, payloads: () => told.map(({ payload }) => payload) };
}

test('handles what the event holds, at once, and stores what the agent publishes, as the agent', async () => {
  let running = 0;
  let most = 0;
  const { agent, payloads } = agentOf('all', {}, async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
  });
  const { started, read } = await lab.host(agent);

  const failures = await started(
    eventOf(say(1), say(2, { namespace: 'test' }), say(3), say(4, { sender: { id: 'all' } })),
  );

  expect(failures).toEqual([]);
  expect(payloads().toSorted()).toEqual([1, 2, 3]);
  expect(most).toBe(3);
  const heard = [...(await read(heardOf('all'))), ...(await read(heardOf('all'), 'test'))];
  expect(heard.map(({ payload }) => (payload as { text: string }).text).toSorted()).toEqual(['1', '2', '3']);
  expect(heard).toMatchObject(heard.map(() => ({ sender: { id: 'all' }, hops: 1 })));
});

test('what failed comes again and the rest does not; after its attempts it is a dead letter, and so is what no retry helps', async () => {
  const { agent, told } = agentOf('failing', {}, (payload) => {
    if (payload === 'bad') throw new Error('not yet');
    if (payload === 'hopeless') throw new PermanentError('never');
  });
  const { started, letters } = await lab.host(agent);
  const event = eventOf(say('good'), say('bad'), say('hopeless'), '{"no":"entry"}');
  const bad = { Records: event.Records.slice(1, 2) };

  expect(await started(event)).toEqual(['2']);
  expect(await started(again(bad, 2))).toEqual(['2']);
  expect(await started(again(bad, 3))).toEqual([]);

  expect(told.filter(({ payload }) => payload === 'bad').map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  const found = await letters();
  expect(found.map(({ reason, attempts }) => [reason, attempts]).toSorted()).toEqual([
    ['failed', 3],
    ['permanent', 1],
    ['undecodable', 0],
  ]);
  expect(found.find(({ reason }) => reason === 'undecodable')?.raw).toBe(
    Buffer.from('{"no":"entry"}').toString('base64'),
  );
});

test('exactly once: what comes again when it is done is acknowledged, in another process too', async () => {
  const { agent, payloads } = agentOf('once', { guarantee: 'exactly-once' });
  const event = eventOf(say(1), say(2));
  const first = await lab.host(agent);
  const second = await lab.host(agent);

  expect(await first.started(event)).toEqual([]);
  expect(await first.started(again(event, 2))).toEqual([]);
  expect(await second.started(again(event, 3))).toEqual([]);

  expect(payloads().toSorted()).toEqual([1, 2]);
  expect(await first.read(heardOf('once'))).toHaveLength(2);
});

test('several of a message group are handled one after the other, and the first that fails ends its group only', async () => {
  const { agent, payloads } = agentOf('keeper', { ordering: 'key' }, (payload) => {
    if (payload === 'a2') throw new Error('not yet');
  });
  const { started } = await lab.host(agent);
  const keyed = (name: string) => say(name, { key: name.charAt(0) });

  const failures = await started(eventOf(...['a1', 'b1', 'a2', 'a3', 'b2', 'a4', 'b3'].map(keyed)));

  expect(failures).toEqual(['3', '4', '6']);
  expect(payloads().filter((payload) => String(payload).startsWith('a'))).toEqual(['a1', 'a2']);
  expect(payloads().filter((payload) => String(payload).startsWith('b'))).toEqual(['b1', 'b2', 'b3']);
});

test('before its time is over it hands back what it has not come to; an attempt that takes all of it has failed', async () => {
  const { agent, told } = agentOf('slow', { concurrency: 1 }, () => new Promise(() => {}));
  const { started, log, letters } = await lab.host(agent);
  const event = eventOf(say(1), say(2), say(3));
  // Of so little time the SDK would take too much when it is loaded.
  expect(await letters()).toEqual([]);

  const failures = await started(event, 2_000);
  const next = await started(again({ Records: event.Records.slice(0, 1) }, 2), 2_000);

  expect(failures).toEqual(['1', '2', '3']);
  expect(next).toEqual(['1']);
  expect(told.map(({ payload }) => payload)).not.toContain(3);
  expect(told.filter(({ payload }) => payload === 1)).toEqual([
    { payload: 1, attempt: 1 },
    { payload: 1, attempt: 2 },
  ]);
  expect(log.texts).toContain('warn: attempt 1 of 3 failed, again in 0 ms');
  expect(await letters()).toEqual([]);
});

test('an attempt that is told to stand back is not counted, and what was handed out with it goes back unstarted', async () => {
  const { agent, payloads } = agentOf('busy', { concurrency: 1 }, () => {
    throw new Postponed(60_000, 'the model is busy', { standBack: true });
  });
  const { started } = await lab.host(agent);
  const event = eventOf(say(1), say(2), say(3));

  expect(await started(event)).toEqual(['1', '2', '3']);
  expect(payloads()).toEqual([1]);
});

test('a paused agent is not started, its deliveries go back; a namespace that is not served is not touched', async () => {
  const { agent, payloads } = agentOf('paused');
  const { started, backend } = await lab.host(agent);
  await backend.pause('prod', 'paused', true);

  const failures = await started(eventOf(say(1), say(2, { namespace: 'test' }), say(3, { namespace: 'secret' })));

  expect(failures).toEqual(['1', '3']);
  expect(payloads()).toEqual([2]);
});

test('what waits in an event for its turn is looked at when it has it: paused meanwhile, it goes back', async () => {
  let pause = async () => {};
  const { agent, payloads } = agentOf('halting', { concurrency: 1 }, () => pause());
  const { started, backend } = await lab.host(agent);
  pause = () => backend.pause('prod', 'halting', true);

  expect(await started(eventOf(say(1), say(2), say(3)))).toEqual(['2', '3']);
  expect(payloads()).toEqual([1]);
});

test.each([1, 2])('what a root may spend is looked at before each start, %s at once', async (concurrency) => {
  const name = `dear-${concurrency}`;
  const told: unknown[] = [];
  const agent = defineAgent({
    name,
    entry: import.meta.url,
    subscribes: ['doc.*'],
    concurrency,
    handlers: (on) => [
      on.any((payload, context) => {
        told.push(payload);
        context.spend({ usd: 1 });
      }),
    ],
  });
  const { started, letters } = await lab.host(agent);
  const root = say(0);
  const child = (n: number) => say(n, { budget: { usd: 1 }, thread: [toReference(root)] });

  expect(await started(eventOf(...[1, 2, 3, 4, 5].map(child)))).toEqual([]);

  expect(told).toHaveLength(concurrency);
  expect((await letters()).map(({ reason }) => reason)).toEqual(Array(5 - concurrency).fill('budget'));
});

test('hooks and middleware of the agent stand around its handler, and are done before the function answers', async () => {
  const seen: string[] = [];
  const { agent } = agentOf(
    'surrounded',
    {
      use: [
        {
          async handle(_, next) {
            seen.push('in');
            await next();
            seen.push('out');
          },
        },
      ],
      hooks: {
        before: () => void seen.push('before'),
        onError: async () => {
          await new Promise((resolve) => setImmediate(resolve));
          seen.push('told');
        },
      },
    },
    () => {
      seen.push('run');
      throw new Error('not yet');
    },
  );
  const { started } = await lab.host(agent);

  expect(await started(eventOf(say(1)))).toEqual(['1']);
  expect(seen).toEqual(['before', 'in', 'run', 'told']);
});

test('fails every delivery, and starts none, while the ledger cannot be reached', async () => {
  const { agent, payloads } = agentOf('cut-off', { guarantee: 'exactly-once' });
  const { started, backend, log } = await lab.host(agent);
  await backend[Symbol.asyncDispose]();

  expect(await started(eventOf(say(1), say(2)))).toEqual(['1', '2']);
  expect(payloads()).toEqual([]);
  expect(log.said).toMatchObject([
    { text: 'cannot take deliveries: they come again', data: { requestId: 'request-1', agent: 'cut-off' } },
  ]);
});

test('answers all the same when what was decided cannot be written any more: it comes again', async () => {
  let cut = async () => {};
  const { agent, payloads } = agentOf('interrupted', { guarantee: 'exactly-once', ordering: 'key' }, () => cut());
  const { started, backend } = await lab.host(agent);
  cut = () => backend[Symbol.asyncDispose]();

  expect(await started(eventOf(say(1, { key: 'k' }), say(2, { key: 'k' })))).toEqual(['1', '2']);
  expect(payloads()).toEqual([1]);
});

test('what the agent publishes is checked against its declaration and the formats of the topic', async () => {
  const agent = defineAgent({
    name: 'strict',
    entry: import.meta.url,
    subscribes: ['doc.*'],
    publishes: ['strict.*'],
    retry: { attempts: 1, baseMs: 0, maxMs: 0 },
    handlers: (on) => [
      on.any((payload, context) => {
        context.publish(payload === 'topic' ? ('doc.heard' as 'strict.x') : 'strict.x', Said, { text: 'x' });
      }),
    ],
  });
  const { started, letters } = await lab.host(agent);

  expect(await started(eventOf(say('topic'), say('format')))).toEqual([]);
  const said = (await letters()).flatMap(({ errors }) => errors.map(({ message }) => message)).toSorted();
  expect(said).toEqual([
    expect.stringContaining('format: got "doc.said": "strict.x" takes doc.task only'),
    expect.stringContaining('publishes strict.*'),
  ]);
});

test('runs under the name of its environment, with what the deployment says, and refuses at its start what is wrong', async () => {
  const { agent, payloads } = agentOf('original');
  const { started, manifest } = await lab.host({ ...agent, name: 'second', onlyWhenTagged: true });
  expect(await started(eventOf(say(1), say(2, { recipients: ['second'] })))).toEqual([]);
  expect(payloads()).toEqual([2]);

  const host = (given: unknown) => () => agentHandler(given as Agent, manifest);
  expect(host(undefined)).toThrow(/agent: got undefined: the file of an agent has it as its default export/);
  stubEnvironment('stranger');
  expect(host(agent)).toThrow(/GUILDWIRE_AGENT: got "stranger": agents of this deployment are second/);
  stubEnvironment('');
  expect(host({})).toThrow(/GUILDWIRE_AGENT: is not set.*agent: got an object/);
});

test.each([[undefined], [{}], [{ Records: 'none' }], [{ detail: {} }]])(
  'fails clearly for the event %o',
  async (event) => {
    const { agent } = agentOf('picky');
    stubEnvironment('picky');
    const handler = agentHandler(agent, manifestOf([follower('picky', ['doc.*'])]));

    await expect(handler(event as never, contextOf())).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('this function is started by the queue of agent "picky"'),
    });
  },
);
