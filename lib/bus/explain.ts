/** @module Why an agent got a message, or did not (G4). */
import type { Backend, Fate } from '../backends/backend.ts';
import { admissionOf, follows, type Interest } from '../core/admission.ts';
import { NotFoundError } from '../core/errors.ts';
import { type Message, type MessageKey, toReference } from '../core/message.ts';
import { matches } from '../core/topic.ts';

/**
 * - what became of the delivery: `waiting`, `running`, `retrying` (failed, and due again), `handled`, `dead` (a dead letter),
 *   `halted` (one for too many generations, the deadline or the budget), `unsubscribed` (forgotten with the subscription),
 *   `expired`, `duplicate` (handled before), `no-handler`, `filtered` (a filter in `use` let it not pass).
 * - why there was none: `filtered` (no pattern names the topic), `own` (the agent sent it), `not-tagged` (it takes only
 *   messages that name it), `not-subscribed` (the agent follows the topic, but had no subscription when it was published).
 */
export type Verdict = Fate['state'] | 'not-subscribed';

/** What became of a message for one agent. */
export interface Explanation {
  readonly agent: string;
  readonly verdict: Verdict;
  /** The patterns of the agent that name the topic; empty if none does. */
  readonly matched: readonly string[];
  /** The patterns that the agent follows. */
  readonly patterns: readonly string[];
  /** Of the last delivery; 0 if there was none. */
  readonly attempts: number;
  /** How often it was redriven or replayed. */
  readonly epoch: number;
}

/** @param interests Of the agents that are known here; others are told of only if they had a delivery. */
export async function explain(
  backend: Backend,
  namespace: string,
  key: MessageKey,
  interests: readonly Interest[],
): Promise<readonly Explanation[]> {
  const where = { references: [key] };
  const [fates, page] = await Promise.all([
    backend.fates(namespace, key),
    backend.read({ namespace, where, order: 'id', limit: 1 }),
  ]);
  const message = page.items[0];
  // What has expired can no longer be read, but what became of it is known.
  if (message === undefined && fates.length === 0) throw new NotFoundError(`message ${toReference(key)}`);
  const last = new Map(fates.map((fate) => [fate.agent, fate]));
  const byAgent = new Map(interests.map((interest) => [interest.agent, interest]));
  const agents = [...new Set([...byAgent.keys(), ...last.keys()])].toSorted();
  return agents.map((agent) => {
    const interest = byAgent.get(agent);
    const patterns = interest?.patterns ?? [];
    const fate = last.get(agent);
    return {
      agent,
      verdict: fate?.state ?? verdictOf(interest, message),
      matched: patterns.filter((pattern) => matches(pattern, key.topic)),
      patterns,
      attempts: fate?.attempts ?? 0,
      epoch: fate?.epoch ?? 0,
    };
  });
}

/** Of a message that was never on its way to the agent. */
function verdictOf(interest: Interest | undefined, message: Message | undefined): Verdict {
  if (interest === undefined || message === undefined) return 'not-subscribed';
  if (!follows(interest, message.topic)) return 'filtered';
  const admission = admissionOf(interest, message);
  return admission === 'admitted' ? 'not-subscribed' : admission;
}
