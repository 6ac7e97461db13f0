/** @module What a worker's agent and the deployed one must agree about: the deployment made the subscription, nobody else can. */
import { show } from '../../../core/show.ts';
import type { Subscription } from '../../backend.ts';
import type { AwsSettings } from '../aws-settings.ts';

/** What keeps the deployment from being this subscription's, or undefined. */
export function subscriptionProblem(
  { manifest, queues }: Pick<AwsSettings, 'manifest' | 'queues'>,
  { agent, patterns, onlyWhenTagged, ordering, guarantee }: Subscription,
): string | undefined {
  const deployed = manifest.agents.find(({ name }) => name === agent);
  const again = `deploy guild ${show(manifest.guild)} again`;
  if (deployed === undefined || queues[agent] === undefined) {
    const known = manifest.agents.map(({ name }) => name).join(', ') || 'none';
    return `got ${show(agent)}, which is not deployed (there are ${known}): ${again}`;
  }
  const wanted = { patterns: patterns.toSorted(), onlyWhenTagged, ordering, guarantee };
  const there = { ...deployed, patterns: deployed.patterns.toSorted() };
  for (const field of ['patterns', 'onlyWhenTagged', 'ordering', 'guarantee'] as const) {
    const [mine, theirs] = [JSON.stringify(wanted[field]), JSON.stringify(there[field])];
    if (mine !== theirs) return `agent ${show(agent)} has ${field} ${mine} here and ${theirs} as deployed: ${again}`;
  }
  return undefined;
}
