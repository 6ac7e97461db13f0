import { defineAgent, defineGuild } from 'guildwire';
import { afterEach, expect, test, vi } from 'vitest';
import { manifestOf } from '../../../lib/constructs/manifest-of.ts';
import { configureGuild } from '../../../lib/guild/configure-guild.ts';
import { deployedAgent } from '../../../lib/hosts/lambda/deployed-agent.ts';
import { stubEnvironment } from './agent-lab.ts';

afterEach(() => vi.unstubAllEnvs());

const reader = defineAgent({
  name: 'reader',
  entry: import.meta.url,
  subscribes: ['doc.*'],
  retry: { attempts: 2, baseMs: 10 },
  handlers: (on) => [on.any(() => {})],
});
const guild = defineGuild({ name: 'docs', agents: [reader] });

test('what a configuration says of an agent goes for its function, whatever the agent’s own file says', () => {
  const settings = {
    retry: { attempts: 7, maxMs: 500 },
    profile: 'llm',
    concurrency: 3,
    guarantee: 'at-most-once',
  } as const;
  const configured = configureGuild(guild, { agents: { reader: settings } });
  stubEnvironment('reader');

  const { agent } = deployedAgent(reader, JSON.parse(JSON.stringify(manifestOf(configured))));

  expect(agent).toEqual(configured.agents.reader);
  expect(agent).toMatchObject({ retry: { attempts: 7, baseMs: 10, maxMs: 500 }, timeoutMs: 300_000, concurrency: 3 });
});

test('without one the agent runs as its file says', () => {
  stubEnvironment('reader');

  expect(deployedAgent(reader, manifestOf(guild)).agent).toEqual(reader);
});
