import { defineAgent, defineGuild, genericJson } from 'guildwire';
import { expect, test } from 'vitest';
import { guildGraph } from '../../lib/guild/guild-graph.ts';

const agent = (name: string, subscribes: readonly string[], publishes: readonly string[] = [], any = false) =>
  defineAgent({
    name,
    entry: import.meta.url,
    subscribes,
    publishes,
    handlers: (on) => (any ? [on.any(() => {})] : [on(genericJson, () => {})]),
  });

const edges = (publishes: string, subscribes: string) =>
  guildGraph(defineGuild({ name: 'g', agents: [agent('a', ['x'], [publishes]), agent('b', [subscribes])] })).edges
    .length;

test.each([
  ['doc.a', 'doc.a', 1],
  ['doc.a', 'doc.b', 0],
  ['doc.*', 'doc.a', 1],
  ['doc.a', '*.a', 1],
  ['doc.*', '*.a', 1],
  ['doc.*', 'doc', 0],
  ['doc.**', 'doc.a.b', 1],
  ['doc.a.b', 'doc.**', 1],
  ['doc.**', '*.a.**', 1],
  ['doc.**', 'doc', 0],
  ['**', '**', 1],
  ['doc.*.x', 'doc.y.*', 1],
  ['doc.*.x', 'doc.y.z', 0],
])('%s reaches %s: %i', (publishes, subscribes, count) => {
  expect(edges(publishes, subscribes)).toBe(count);
});

test('a pattern that begins with a wildcard reaches no reserved topic', () => {
  expect(edges('**', '$dead.*')).toBe(0);
});

test('a graph names agents in alphabetical order, with what they handle, and no edge to oneself', () => {
  const guild = defineGuild({ name: 'g', agents: [agent('b', ['t'], ['t'], true), agent('a', ['t'])] });

  expect(guildGraph(guild)).toEqual({
    guild: 'g',
    agents: [
      { agent: 'a', subscribes: ['t'], publishes: [], formats: ['generic_json'], handlesAny: false },
      { agent: 'b', subscribes: ['t'], publishes: ['t'], formats: [], handlesAny: true },
    ],
    edges: [{ from: 'b', to: 'a', publishes: 't', subscribes: 't' }],
  });
});
