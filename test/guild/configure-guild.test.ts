import { defineAgent, defineFormat, defineGuild } from 'guildwire';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { configureGuild } from '../../lib/guild/configure-guild.ts';

const Text = defineFormat('text', z.object({ text: z.string() }));
const agent = <const Name extends string>(name: Name, options = {}) =>
  defineAgent({
    name,
    entry: import.meta.url,
    subscribes: ['doc.tasks.*'],
    publishes: ['doc.out'],
    ...options,
    handlers: (on) => [on(Text, () => {})],
  });
const guild = defineGuild({
  name: 'docs',
  agents: [agent('one', { concurrency: 3, retry: { attempts: 2 } }), agent('two')],
  topics: { 'doc.**': { formats: [Text], retentionDays: 9 } },
});

test('changes what is named, and nothing else', () => {
  const settings = {
    one: { concurrency: 7, retry: { baseMs: 5 }, ordering: undefined },
    two: { profile: 'llm' },
  } as const;
  const { agents } = configureGuild(guild, { agents: settings });

  expect(agents.one).toEqual({ ...guild.agents.one, concurrency: 7, retry: { ...guild.agents.one.retry, baseMs: 5 } });
  expect(agents.two).toMatchObject({ profile: 'llm', timeoutMs: 300_000, concurrency: 10 });
  expect(guild.agents.one.concurrency).toBe(3);
});

test('keeps messages as long as a topic is set to, a part of a family included', () => {
  const { families } = configureGuild(guild, {
    topics: { 'doc.**': { retentionDays: 1 }, 'doc.tasks.x': { retentionDays: 2 } },
  });

  expect(families.of('doc.out')).toMatchObject({ pattern: 'doc.**', retentionDays: 1, formats: [Text] });
  expect(families.of('doc.tasks.x')).toMatchObject({ pattern: 'doc.tasks.x', retentionDays: 2, formats: [Text] });
  expect(families.of('elsewhere')).toBeUndefined();
  expect(guild.families.of('doc.out')).toMatchObject({ retentionDays: 9 });
});

test('sets what a deployment does with a topic, and a new family takes the rest from the one around it', () => {
  const topics = { 'doc.**': { relay: 'direct' }, 'doc.out': { shards: 4 } } as const;
  const { families } = configureGuild(guild, { topics });

  expect(families.of('doc.tasks.x')).toMatchObject({ relay: 'direct', retentionDays: 9 });
  expect(families.of('doc.out')).toMatchObject({ pattern: 'doc.out', shards: 4, retentionDays: 9, formats: [Text] });
});

test('refuses all that cannot be, at once', () => {
  const configure = () => configureGuild(guild, { agents: { three: {}, one: { concurrency: 0, timeoutMs: -1 } } });

  expect(configure).toThrow(
    expect.objectContaining({
      code: 'INVALID_DEFINITION',
      faults: [
        expect.objectContaining({ field: 'agents.three', problem: expect.stringContaining('one, two') }),
        expect.objectContaining({ field: 'agents.one.concurrency' }),
        expect.objectContaining({ field: 'agents.one.timeoutMs' }),
      ],
    }),
  );
});
