/** @module Checked by tsc alone: what a handler may do, by what its agent declares. */
import {
  type Agent,
  type Context,
  defineAgent,
  defineFormat,
  type GemstoneId,
  genericJson,
  type Json,
  type Message,
} from 'guildwire';
import { expectTypeOf } from 'vitest';
import * as z from 'zod';

const Task = defineFormat('task', z.object({ docId: z.string(), line: z.int().default(1) }));
const Found = defineFormat('found', z.object({ docId: z.string(), kind: z.enum(['grammar', 'tone']) }));
const Tally = defineFormat('tally', z.object({ seen: z.array(z.string()), done: z.boolean().default(false) }));

export const checker = defineAgent({
  name: 'checker',
  entry: import.meta.url,
  subscribes: ['tasks', 'doc.*'],
  publishes: ['found', 'doc.*.done', 'log.**'],
  handlers: (on) => [
    on(Task, async (task, context) => {
      expectTypeOf(task).toEqualTypeOf<{ docId: string; line: number }>();
      expectTypeOf(context.message).toEqualTypeOf<Message>();

      // Topics that it declares, by name and by pattern, and everybody's inbox.
      context.publish('found', Found, { docId: task.docId, kind: 'tone' });
      context.publish('doc.42.done', Found, { docId: task.docId, kind: 'tone' });
      context.publish('log.a.b.c', genericJson, [1, { two: null }]);
      context.publish('$inbox.somebody', Task, { docId: 'x' });
      context.publish(['found', 'doc.1.done'], Found, { docId: task.docId, kind: 'tone' }, { priority: 2 });
      context.forward('found');
      context.later(1_000, Task, { docId: 'x' });
      context.reply(Found, { docId: 'x', kind: 'grammar' });
      expectTypeOf(await context.publishNow('found', Found, { docId: 'x', kind: 'tone' })).toEqualTypeOf<GemstoneId>();

      // @ts-expect-error "lost" is not declared in `publishes`
      context.publish('lost', Found, { docId: 'x', kind: 'tone' });
      // @ts-expect-error "doc.42" is not what `doc.*.done` names
      context.publish('doc.42', Found, { docId: 'x', kind: 'tone' });
      // @ts-expect-error `log.**` is one segment more at least
      context.publish('log', Found, { docId: 'x', kind: 'tone' });
      // @ts-expect-error one of the topics is not declared
      context.publish(['found', 'lost'], Found, { docId: 'x', kind: 'tone' });
      // @ts-expect-error a message has one topic at least
      context.publish([], Found, { docId: 'x', kind: 'tone' });
      // @ts-expect-error "lost" is not declared, for forwarding either
      context.forward('lost');
      // @ts-expect-error nor for what is stored at once
      await context.publishNow('lost', Found, { docId: 'x', kind: 'tone' });

      // @ts-expect-error the kind is none of its choices, and the error is at the payload
      context.publish('found', Found, { docId: 'x', kind: 'clarity' });
      // biome-ignore format: the expected error is on the line of the payload, not on that of the format
      context.publish('found', Found,
        // @ts-expect-error `kind` is missing
        { docId: 'x' });
      // @ts-expect-error `colour` is unknown
      context.publish('found', Found, { docId: 'x', kind: 'tone', colour: 'red' });
      // @ts-expect-error a timer's payload is checked like any other
      context.later(1_000, Task, { docId: 7 });
      // @ts-expect-error and so is an answer's
      context.reply(Found, {});
      // @ts-expect-error a Date is no JSON
      context.publish('found', genericJson, { at: new Date() });
      // @ts-expect-error priorities are 0 to 9
      context.publish('found', Found, { docId: 'x', kind: 'tone' }, { priority: 10 });
      // @ts-expect-error no such option
      context.publish('found', Found, { docId: 'x', kind: 'tone' }, { ttl: 5 });

      // Without a declaration of state nothing can be set, and nothing that comes back can be used.
      // @ts-expect-error no state was declared
      context.state.set('k', { seen: [] });
      // @ts-expect-error not even JSON
      context.state.set('k', null);
      expectTypeOf(await context.state.get('k')).toEqualTypeOf<undefined>();

      // @ts-expect-error what is delivered cannot be changed
      context.message.topic = 'other';
      // @ts-expect-error nor what travels along
      context.sessionState.more = 1;
    }),
    on.any((payload, context) => {
      expectTypeOf(payload).toEqualTypeOf<Json>();
      // @ts-expect-error "lost" is not declared, whatever is handled
      context.publish('lost', genericJson, payload);
    }),
    // @ts-expect-error a handler gives back nothing
    on(Found, () => 'done'),
  ],
});
expectTypeOf(checker).toEqualTypeOf<Agent<'checker'>>();

export const silent = defineAgent({
  name: 'silent',
  entry: import.meta.url,
  subscribes: ['tasks'],
  handlers: (on) => [
    on(Task, (task, context) => {
      context.publish('$inbox.checker', Task, task);
      // @ts-expect-error it declares nothing, so it can publish nowhere else
      context.publish('found', Found, { docId: task.docId, kind: 'tone' });
    }),
  ],
});

export const counter = defineAgent({
  name: 'counter',
  entry: import.meta.url,
  subscribes: ['found'],
  state: Tally,
  guarantee: 'exactly-once',
  handlers: (on) => [
    on(Found, async (found, { state }) => {
      const before = await state.get(found.docId);
      expectTypeOf(before).toEqualTypeOf<{ seen: string[]; done: boolean } | undefined>();
      state.set(found.docId, { seen: [...(before?.seen ?? []), found.kind] });
      state.delete(found.docId);
      // @ts-expect-error what is set is what the format takes
      state.set(found.docId, { seen: 1 });
      // @ts-expect-error a key is text
      await state.get(1);
    }),
  ],
});

/** An agent may publish anywhere if it says so. */
export const router = defineAgent({
  name: 'router',
  entry: import.meta.url,
  subscribes: ['in'],
  publishes: ['**'],
  handlers: (on) => [on.any((_, context) => context.forward(`out.${context.message.sender.id}`))],
});

/** A handler of its own, for agents of whatever name. */
export const handle = (task: { readonly docId: string }, context: Context<'found'>): void => {
  context.publish('found', Found, { docId: task.docId, kind: 'tone' });
};
export const reused = defineAgent({
  name: 'reused',
  entry: import.meta.url,
  subscribes: ['tasks'],
  publishes: ['found'],
  handlers: (on) => [on(Task, handle)],
});

export const second = { ...checker, name: 'second' } as const;
expectTypeOf(second).toExtend<Agent<'second'>>();

export const wrong = [
  // @ts-expect-error an agent needs its handlers
  () => defineAgent({ name: 'x', entry: '', subscribes: [] }),
  // @ts-expect-error no such guarantee
  () => defineAgent({ name: 'x', entry: '', subscribes: [], handlers: () => [], guarantee: 'twice' }),
  // @ts-expect-error no such option
  () => defineAgent({ name: 'x', entry: '', subscribes: [], handlers: () => [], timeout: 1 }),
  // @ts-expect-error state is a format
  () => defineAgent({ name: 'x', entry: '', subscribes: [], handlers: () => [], state: { seen: [] } }),
  // @ts-expect-error a gemstone ID is no plain text
  () => defineAgent({ name: 'x', entry: '', subscribes: [], handlers: () => [], from: 'yesterday' }),
];
