/** @module Checked by tsc alone: what middleware and hooks are given, by the formats and declarations that they are for. */
import {
  type AnyContext,
  type Context,
  defineAgent,
  defineFormat,
  defineGuild,
  type Format,
  genericJson,
  type Message,
} from 'guildwire';
import {
  circuitBreaker,
  filter,
  type Handling,
  logging,
  type Middleware,
  type Published,
  type Publishing,
  pipeline,
  retry,
  throttle,
  timeout,
  transform,
} from 'guildwire/middleware';
import { expectTypeOf } from 'vitest';
import * as z from 'zod';

const Task = defineFormat('task', z.object({ docId: z.string(), line: z.int().default(1) }));

export const own: Middleware = {
  async handle(handling, next) {
    expectTypeOf(handling.payload).toEqualTypeOf<unknown>();
    expectTypeOf(handling.message).toEqualTypeOf<Message>();
    expectTypeOf(handling.format).toEqualTypeOf<Format | undefined>();
    expectTypeOf(await handling.waitFor(Promise.resolve(1))).toEqualTypeOf<number>();
    expectTypeOf(await next({ other: 'payload' }, { signal: handling.signal })).toEqualTypeOf<void>();
    // @ts-expect-error what is handled cannot be changed in place
    handling.payload = 1;
    // @ts-expect-error a middleware publishes nothing: that is for handlers and hooks
    handling.publish('out', genericJson, 1);
  },
  async publish(publishing, next) {
    expectTypeOf(publishing.payload).toEqualTypeOf<unknown>();
    expectTypeOf(await next()).toEqualTypeOf<Published>();
    // @ts-expect-error there is no such part of a publication
    await next({ topic: 'other' });
    return next({ topics: ['a', 'b'], payload: 1, options: { priority: 2 } });
  },
};
// @ts-expect-error what is published has an id, which only next gives
export const forgetful: Middleware = { publish: async (_, next) => void (await next()) };

export const typed = [
  filter(Task, {
    handle: (task, handling) => {
      expectTypeOf(task).toEqualTypeOf<{ docId: string; line: number }>();
      expectTypeOf(handling).toEqualTypeOf<Handling>();
      return task.line > 1;
    },
    publish: (task, publishing) => {
      expectTypeOf(task).toEqualTypeOf<{ docId: string; line?: number | undefined }>();
      expectTypeOf(publishing).toEqualTypeOf<Publishing>();
      return true;
    },
  }),
  filter({ handle: (payload) => typeof payload === 'string', publish: async () => true }),
  transform(Task, { handle: (task) => ({ ...task, line: 2 }), publish: ({ docId }) => ({ docId }) }),
  transform({ publish: (payload) => ({ wrapped: payload }) }),
  // @ts-expect-error `line` is a number after it, too
  transform(Task, { handle: (task) => ({ ...task, line: '2' }) }),
  // @ts-expect-error `docId` is missing
  transform(Task, { publish: () => ({}) }),
  // @ts-expect-error yes or no
  filter({ handle: () => 'yes' }),
  // @ts-expect-error an interval is needed
  throttle({ max: 1 }),
  // @ts-expect-error no such option
  retry({ tries: 3 }),
  circuitBreaker(),
  pipeline(logging(), timeout(1_000)),
];

export const hooked = defineAgent({
  name: 'hooked',
  entry: import.meta.url,
  subscribes: ['tasks'],
  publishes: ['found'],
  state: Task,
  use: [logging(), own],
  hooks: {
    before: async (context) => {
      expectTypeOf(context).toEqualTypeOf<Context<'found', typeof Task>>();
      context.state.set('k', { docId: 'x' });
      // @ts-expect-error "lost" is not declared in `publishes`
      context.publish('lost', Task, { docId: 'x' });
    },
    after: (context) => context.publish('found', Task, { docId: 'x' }),
    onError: (context, error) => {
      expectTypeOf(error).toEqualTypeOf<unknown>();
      context.log.error('failed');
    },
  },
  handlers: (on) => [on(Task, () => {})],
});

/** Hooks for agents of whatever declarations. */
const shared = {
  before: async (context: AnyContext) => {
    context.log.info('begins', { attempt: context.attempt });
    context.spend({ tokens: 1 });
    expectTypeOf(await context.state.get('k')).toEqualTypeOf<unknown>();
    // @ts-expect-error what an agent declares, another does not
    context.publish('found', Task, { docId: 'x' });
  },
};
export const two = defineAgent({
  name: 'two',
  entry: import.meta.url,
  subscribes: ['tasks'],
  state: Task,
  hooks: shared,
  handlers: (on) => [on(Task, () => {})],
});
export const one = defineAgent({
  name: 'one',
  entry: import.meta.url,
  subscribes: ['tasks'],
  publishes: ['found'],
  hooks: shared,
  handlers: (on) => [on(Task, (_, context) => context.publish('found', Task, { docId: 'x' }))],
});

export const guild = defineGuild({ name: 'office', agents: [hooked, one], use: [logging()] });
defineGuild({
  name: 'office',
  agents: [one],
  use: [
    // @ts-expect-error a function is no middleware: call it
    logging,
  ],
});
