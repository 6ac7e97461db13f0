/** @module Checked by tsc alone: guilds, what a running one takes, and aggregators. */
import {
  type Agent,
  type Bus,
  defineAgent,
  defineAggregator,
  defineFormat,
  defineGuild,
  type GemstoneId,
  type Guild,
  genericJson,
  startGuild,
} from 'guildwire';
import { expectTypeOf } from 'vitest';
import * as z from 'zod';

const Vote = defineFormat('vote', z.object({ poll: z.string(), voter: z.string(), yes: z.boolean().default(true) }));
const Outcome = defineFormat('outcome', z.object({ yes: z.int(), isPartial: z.boolean() }));

const plain = <const Name extends string>(name: Name): Agent<Name> =>
  defineAgent({ name, entry: import.meta.url, subscribes: ['a'], handlers: (on) => [on.any(() => {})] });
const [one, two] = [plain('one'), plain('two')] as const;

export const guild = defineGuild({
  name: 'office',
  agents: [one, two, { ...one, name: 'three' } as const],
  topics: { 'doc.*': { formats: [Vote, Outcome], retentionDays: 7 } },
});
expectTypeOf(guild).toEqualTypeOf<Guild<'one' | 'two' | 'three'>>();
expectTypeOf(guild.agents.one).toEqualTypeOf<Agent<'one'>>();
expectTypeOf(guild.agents.three).toEqualTypeOf<Agent<'three'>>();
// @ts-expect-error no such agent
expectTypeOf(guild.agents.four);

export const wrong = [
  // @ts-expect-error a guild needs its agents
  () => defineGuild({ name: 'x' }),
  // @ts-expect-error no such option
  () => defineGuild({ name: 'x', agents: [one], hops: 3 }),
  // @ts-expect-error no such option of a topic
  () => defineGuild({ name: 'x', agents: [one], topics: { a: { retention: 7 } } }),
  // @ts-expect-error a guild needs a backend to run on
  () => startGuild(guild, {}),
  // @ts-expect-error no such agent in this guild
  () => startGuild(guild, { backend: 'memory:', agents: ['four'] }),
  // @ts-expect-error a backend is a URL, or a function that gives one
  () => startGuild(guild, { backend: { url: 'memory:' } }),
];

export async function use(): Promise<void> {
  // @ts-expect-error a guild cannot be changed
  guild.name = 'other';
  await using running = await startGuild(guild, { backend: 'memory:', agents: ['one', 'three'] });
  expectTypeOf(running).toExtend<Bus>();

  expectTypeOf(await running.publish('a', Vote, { poll: 'p', voter: 'v' })).toEqualTypeOf<GemstoneId>();
  await running.publish(['a', 'b'], genericJson, { any: ['json', null] }, { priority: 0, headers: { h: '1' } });
  // @ts-expect-error `voter` is missing
  await running.publish('a', Vote, { poll: 'p' });
  // @ts-expect-error `yes` is no text
  await running.publish('a', Vote, { poll: 'p', voter: 'v', yes: 'yes' });
  // @ts-expect-error not JSON
  await running.publish('a', genericJson, { at: new Date() });
  // @ts-expect-error undefined is no JSON
  await running.publish('a', genericJson, undefined);
  // @ts-expect-error a key is text
  await running.publish('a', Vote, { poll: 'p', voter: 'v' }, { key: 7 });

  const page = await running.read({ topic: 'a', since: Date.now(), limit: 10 });
  // @ts-expect-error what is read cannot be changed
  page.items[0] = undefined;
  // @ts-expect-error a cursor is what a page gave
  await running.read({ topic: 'a', after: 'page 2' });
  // @ts-expect-error no such query
  await running.read({ topics: ['a'] });
  // @ts-expect-error a reference is parsed, not written
  await running.get(['a/b']);
}

export const poll = defineAggregator({
  name: 'poll',
  entry: import.meta.url,
  subscribes: ['votes'],
  publishes: ['results.*'],
  collects: Vote,
  collectionOf: (vote) => {
    expectTypeOf(vote).toEqualTypeOf<{ poll: string; voter: string; yes: boolean }>();
    return vote.poll;
  },
  partOf: ({ voter }) => voter,
  isComplete: (received, latest) => {
    expectTypeOf(received).toEqualTypeOf<number>();
    return latest.yes && received > 3;
  },
  onPart: (vote, context) => context.publish('results.live', Outcome, { yes: Number(vote.yes), isPartial: true }),
  onComplete: (votes, context, { id, isPartial }) => {
    expectTypeOf(votes).toEqualTypeOf<readonly { poll: string; voter: string; yes: boolean }[]>();
    expectTypeOf(id).toEqualTypeOf<string>();
    context.publish(`results.${id}`, Outcome, { yes: votes.length, isPartial });
    // @ts-expect-error not declared in `publishes`
    context.publish('elsewhere', Outcome, { yes: 1, isPartial });
    // @ts-expect-error `isPartial` is missing
    context.publish('results.x', Outcome, { yes: 1 });
  },
});
expectTypeOf(poll).toEqualTypeOf<Agent<'poll'>>();
expectTypeOf(defineGuild({ name: 'office', agents: [poll, one] }).agents.poll).toEqualTypeOf<Agent<'poll'>>();

export const wrongPolls = [
  () =>
    defineAggregator({
      name: 'poll',
      entry: '',
      subscribes: ['votes'],
      publishes: ['results'],
      collects: Vote,
      // @ts-expect-error a collection is named by text
      collectionOf: () => 7,
      partOf: ({ voter }) => voter,
      isComplete: () => true,
      onComplete: () => {},
    }),
  () =>
    defineAggregator({
      name: 'poll',
      entry: '',
      subscribes: ['votes'],
      publishes: ['results'],
      collects: Vote,
      collectionOf: ({ poll: id }) => id,
      // @ts-expect-error a vote has no such field
      partOf: ({ author }) => author,
      isComplete: () => true,
      onComplete: () => {},
      // @ts-expect-error its state is its own
      state: Outcome,
    }),
];
