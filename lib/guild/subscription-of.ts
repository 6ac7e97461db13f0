/** @module What the runtime asks a backend for on behalf of an agent. */
import type { Subscription } from '../backends/backend.ts';
import type { Agent } from './define-agent.ts';

/** Besides what it declares, every agent follows its inbox and what it sends to itself. */
export function subscriptionOf(agent: Agent, namespace: string): Subscription {
  const { name, onlyWhenTagged, ordering, guarantee, from, subscribes } = agent;
  const patterns = [...new Set([...subscribes, `$inbox.${name}`, `$self.${name}`])];
  return { namespace, agent: name, patterns, onlyWhenTagged, ordering, guarantee, from };
}
