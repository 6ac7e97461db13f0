/** @module What `/metrics` tells: what this process counted, and what waits now. */
import type { AgentStats } from '../backends/backend.ts';
import { MeteredBackend } from '../backends/metered/metered-backend.ts';
import { headerLines, sampleLine } from '../backends/metered/series.ts';
import type { Services } from './services.ts';

type Gauge = readonly [name: string, help: string, value: (stats: AgentStats, now: number) => number];

const gauges: readonly Gauge[] = [
  [
    'guildwire_deliveries_waiting',
    'Deliveries that wait, delayed ones and retries included.',
    ({ waiting }) => waiting,
  ],
  [
    'guildwire_oldest_waiting_seconds',
    'Age of the oldest message that waits; 0 if none does.',
    ({ oldestAt }, now) => (oldestAt === undefined ? 0 : Math.max(0, now - oldestAt) / 1_000),
  ],
  ['guildwire_dead_letters', 'Dead letters neither redriven nor discarded.', ({ dead }) => dead],
  ['guildwire_agent_paused', '1 while the agent is paused.', ({ paused }) => Number(paused)],
];

/**
 * @param sees Which namespaces are told of.
 * @param isWhole Whether that is all of them, so that what belongs to none is told as well.
 */
export async function metricsText(
  services: Services,
  sees: (namespace: string) => boolean,
  isWhole: boolean,
): Promise<string> {
  const { backend, settings, clock } = services;
  const counted = backend instanceof MeteredBackend ? backend.metrics : undefined;
  const namespaces = [...new Set([...settings.namespaces, ...(counted?.namespaces ?? [])])].filter(sees).toSorted();
  const found = await Promise.all(
    namespaces.map(async (namespace) => ({ namespace, agents: await backend.stats(namespace) })),
  );
  const now = clock.now();
  const lines = gauges.flatMap(([name, help, value]) => [
    ...headerLines(name, help, 'gauge'),
    ...found.flatMap(({ namespace, agents }) =>
      agents.map((stats) => sampleLine(name, { namespace, agent: stats.agent }, value(stats, now))),
    ),
  ]);
  const counters = counted?.lines(({ namespace = '' }) => isWhole || sees(namespace)) ?? [];
  return `${[...lines, ...counters, ...(isWhole ? services.requestLines() : [])].join('\n')}\n`;
}
