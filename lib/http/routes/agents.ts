/** @module Agents: what waits for them, who reaches whom, and pausing. */
import type { AgentStats } from '../../backends/backend.ts';
import { toReference } from '../../core/message.ts';
import { type GuildNode, guildGraph } from '../../guild/guild-graph.ts';
import { defineRoute, toJson } from '../route.ts';
import { Agents, Explained, Paused } from '../schemas/answers.ts';
import { agent, closed, gemstoneId, namespace, topic } from '../schemas/fields.ts';
import { mustBeAgent } from './messages.ts';

export const agents = defineRoute({
  id: 'agents',
  method: 'GET',
  path: '/v1/namespaces/{namespace}/agents',
  tag: 'agents',
  summary: 'List the agents, what waits for each, and who reaches whom',
  needs: 'read',
  params: closed({ namespace }),
  query: closed({}),
  answers: { 200: { description: 'In alphabetical order.', schema: Agents } },
  problems: [400],
  run: async ({ services, params }) => {
    const stats = new Map((await services.backend.stats(params.namespace)).map((entry) => [entry.agent, entry]));
    const graph = services.guild === undefined ? undefined : guildGraph(services.guild);
    const nodes = new Map((graph?.agents ?? []).map((node) => [node.agent, node]));
    const names = [...new Set([...stats.keys(), ...nodes.keys()])].toSorted();
    const items = names.map((name) => toView(name, stats.get(name), nodes.get(name)));
    return toJson(200, { items, ...(graph !== undefined && { guild: graph.guild, edges: graph.edges }) });
  },
});

function toView(name: string, stats: AgentStats | undefined, node: GuildNode | undefined) {
  const { waiting = 0, dead = 0, dropped = {}, oldestAt, paused = false } = stats ?? {};
  return {
    agent: name,
    subscribed: stats !== undefined,
    waiting,
    dead,
    dropped,
    ...(oldestAt !== undefined && { oldestAt }),
    paused,
    ...(node !== undefined && {
      subscribes: node.subscribes,
      publishes: node.publishes,
      formats: node.formats,
      handlesAny: node.handlesAny,
    }),
  };
}

const pausing = (action: 'pause' | 'resume', summary: string) =>
  defineRoute({
    id: action,
    method: 'POST',
    path: `/v1/namespaces/{namespace}/agents/{agent}/${action}`,
    tag: 'agents',
    summary,
    needs: 'operate',
    params: closed({ namespace, agent }),
    query: closed({}),
    answers: { 200: { description: 'Done; asked again it changes nothing.', schema: Paused } },
    problems: [400, 404, 501],
    run: async (call) => {
      const { services, principal, params } = call;
      await mustBeAgent(call, params);
      await services.buses.of(params.namespace, principal)[action](params.agent);
      return toJson(200, { agent: params.agent, paused: action === 'pause' });
    },
  });

export const pause = pausing('pause', 'Hand the agent nothing until it is resumed; everything is kept');
export const resume = pausing('resume', 'Hand the agent deliveries again');

export const explain = defineRoute({
  id: 'explain',
  method: 'GET',
  path: '/v1/namespaces/{namespace}/explain/{topic}/{id}',
  tag: 'agents',
  summary: 'What became of a message for each agent, and why',
  needs: 'read',
  params: closed({ namespace, topic, id: gemstoneId }),
  query: closed({}),
  answers: { 200: { description: 'One entry for each agent, in alphabetical order.', schema: Explained } },
  problems: [400, 404, 501],
  run: async ({ services, principal, params }) => {
    const explained = await services.buses.of(params.namespace, principal).explain(params);
    return toJson(200, { reference: toReference(params), agents: explained });
  },
});
