import { defineAgent, defineGuild, genericJson, InvalidDefinitionError } from 'guildwire';
import { logging, type Middleware } from 'guildwire/middleware';
import { describe, expect, test } from 'vitest';
import { HandlerChain } from '../../lib/guild/handler-chain.ts';
import { passesOn, payloadsOf, send, worker } from '../bus/middleware/worker.ts';
import { Lab } from './lab.ts';

const handles: Middleware = { handle: (_, next) => next() };
const publishes: Middleware = { publish: (_, next) => next() };

/** The fields that are refused, or what was thrown instead. */
function refused(define: () => unknown): unknown {
  try {
    define();
  } catch (error) {
    return error instanceof InvalidDefinitionError ? error.faults.map(({ field }) => field) : error;
  }
  return [];
}

describe('an agent is refused', () => {
  test.each<[string, object, readonly string[]]>([
    ['with middleware that is no list', { use: handles }, ['use']],
    ['with what is no middleware', { use: [handles, {}, undefined] }, ['use[1]', 'use[2]']],
    ['with middleware that could do nothing there', { use: [publishes] }, ['use[0]']],
    ['with hooks that are none', { hooks: () => {} }, ['hooks']],
    ['with a list of hooks', { hooks: [] }, ['hooks']],
    ['with a hook that there is not', { hooks: { onErorr: () => {} } }, ['hooks.onErorr']],
    ['with hooks that are no functions', { hooks: { before: 1, after: null } }, ['hooks.before', 'hooks.after']],
    ['with all of it wrong', { use: 1, hooks: 1, retry: 1 }, ['retry', 'use', 'hooks']],
  ])('%s', (_, options, fields) => {
    expect(refused(() => worker(() => {}, options))).toEqual(fields);
  });

  test('also when it was spread afterwards', () => {
    const agent = { ...worker(() => {}), use: [publishes], hooks: { before: 1 } } as never;

    expect(refused(() => defineGuild({ name: 'office', agents: [agent] }))).toEqual([
      'agents.worker.use[0]',
      'agents.worker.hooks.before',
    ]);
  });
});

test('a guild is refused with what is no middleware; one of either side will do', () => {
  const agents = [worker(() => {})];
  const define = (use: unknown) => () => defineGuild({ name: 'office', agents, use: use as never });

  expect(refused(define([handles, publishes]))).toEqual([]);
  expect([refused(define('logging')), refused(define([logging]))]).toEqual([['use'], ['use[0]']]);
});

test('middleware and hooks of a definition cannot be changed', () => {
  const use = [handles];
  const hooks = { before: () => {} };
  const agent = worker(() => {}, { use, hooks });
  const guild = defineGuild({ name: 'office', agents: [agent], use });

  use.push(handles);

  expect([agent.use, guild.use]).toEqual([[handles], [handles]]);
  expect([agent.use, agent.hooks, guild.use].map((part) => Object.isFrozen(part))).toEqual([true, true, true]);
});

test("a guild's middleware stands around the handlers of all agents, and around what the guild itself publishes", async () => {
  await using lab = new Lab();
  const seen: string[] = [];
  const both: Middleware = {
    handle(handling, next) {
      seen.push(`${handling.agent} handles ${handling.payload}`);
      return next();
    },
    publish(publishing, next) {
      seen.push(`${publishing.sender} publishes ${publishing.payload} in ${publishing.namespace}`);
      return next();
    },
  };
  const second = defineAgent({
    name: 'second',
    entry: import.meta.url,
    subscribes: ['out'],
    handlers: (on) => [on.any(() => {})],
  });
  const running = await lab.start([worker(passesOn), second], { use: [both, handles, publishes] });

  await send(running, 'x');
  await lab.clock.advance(0);

  expect(seen).toEqual(['user:local publishes x in default', 'worker handles x', 'second handles x']);
});

test('what nothing stands around runs as if there were no middleware', async () => {
  await using lab = new Lab();
  const agent = worker(() => {});
  const at = { agent, clock: lab.clock } as never;

  expect(HandlerChain.of(at, [])).toBeUndefined();
  expect(HandlerChain.of(at, [publishes])).toBeUndefined();
  expect(HandlerChain.of(at, [handles])).toBeDefined();
});

test('middleware of an agent that only a guild knows is kept when the agent is spread under another name', async () => {
  await using lab = new Lab();
  const agents: string[] = [];
  const named: Middleware = { handle: ({ agent }, next) => next(void agents.push(agent)) };
  const first = worker(passesOn, { use: [named] });
  const running = await lab.start([first, { ...first, name: 'other' }]);

  await running.publish('in', genericJson, 'x');
  await lab.clock.advance(0);

  expect(agents.toSorted()).toEqual(['other', 'worker']);
  expect(await payloadsOf(running, 'out')).toEqual(['x', 'x']);
});
