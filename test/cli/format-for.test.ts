import { expect, test } from 'vitest';
import * as z from 'zod';
import { formatAmong, formatFor, nobodyFollows } from '../../lib/cli/format-for.ts';
import type { AgentNode } from '../../lib/cli/views/graph-view.ts';
import { defineFormat } from '../../lib/core/format.ts';
import { defineAgent } from '../../lib/guild/define-agent.ts';
import { defineGuild } from '../../lib/guild/define-guild.ts';

const Task = defineFormat('task', z.object({ text: z.string() }));
const Vote = defineFormat('vote', z.object({ yes: z.boolean() }));
const agent = defineAgent({
  ...{ name: 'worker', entry: import.meta.url, subscribes: ['tasks', 'both', 'declared'], publishes: [] },
  handlers: (on) => [on(Task, () => {}), on(Vote, () => {})],
});
const only = defineAgent({
  ...{
    name: 'only',
    entry: import.meta.url,
    subscribes: ['one.*'],
    publishes: [],
    handlers: (on) => [on(Task, () => {})],
  },
});
const guild = defineGuild({ name: 'g', agents: [agent, only], topics: { declared: { formats: [Vote] } } });

test('in a guild the format is the only one that the topic or its agents take', () => {
  expect(formatFor(guild, 'one.thing', undefined)).toBe(Task);
  expect(formatFor(guild, 'declared', undefined)).toBe(Vote);
  expect(formatFor(guild, 'tasks', 'vote')).toBe(Vote);
  expect(formatFor(guild, 'tasks', 'other')).toMatchObject({ name: 'other' });
  expect(formatFor(guild, '$inbox.only', undefined)).toBe(Task);
  expect(() => formatFor(guild, 'both', undefined)).toThrow('"both" takes task, vote: say which with --format');
  expect(() => formatFor(guild, 'declared', 'vot')).toThrow('"declared" does not take vot: did you mean vote?');
  expect(() => formatFor(guild, 'declrd', undefined)).toThrow('has no topic "declrd": did you mean declared?');
});

test('of a server it is the only one that the agents on the topics handle', () => {
  const node = (name: string, subscribes: readonly string[], formats: readonly string[]): AgentNode => ({
    ...{ name, subscribes, formats, publishes: [] },
  });
  const agents = [
    node('a', ['tasks'], ['task']),
    node('b', ['both', 'tasks'], ['task', 'vote']),
    node('c', ['**'], []),
  ];

  expect(formatAmong(agents.slice(0, 1), ['tasks'])).toBe('task');
  expect(formatAmong(agents.slice(0, 1), ['$inbox.a'])).toBe('task');
  expect(formatAmong(agents.slice(2), ['tasks'])).toBeUndefined();
  expect(() => formatAmong(agents, ['x', 'both'])).toThrow('"x, both" takes task, vote');
  expect(nobodyFollows(agents.slice(0, 2), ['tsks'])).toBe('nobody follows "tsks" here: did you mean tasks?');
  expect(nobodyFollows(agents.slice(0, 2), ['elsewhere'])).toBe(
    'nobody follows "elsewhere" here: there are tasks, both',
  );
  expect(nobodyFollows(agents, ['elsewhere'])).toBeUndefined();
  expect(nobodyFollows([], ['elsewhere'])).toBeUndefined();
});
