/** @module Whether a subscription gets a message: one rule for backends, the guard before a handler, and explain. */
import type { Message } from './message.ts';
import { matches } from './topic.ts';

/** What a subscription says about whom it is for. */
export interface Interest {
  readonly agent: string;
  readonly patterns: readonly string[];
  readonly onlyWhenTagged: boolean;
}

/**
 * - `filtered`: no pattern names the topic.
 * - `own`: the agent sent it (D13).
 * - `not-tagged`: the agent wants only messages that name it, and this one does not (D14).
 */
export type Admission = 'admitted' | 'filtered' | 'own' | 'not-tagged';

/** Whether the agent follows the topic. `$self.<agent>` is followed by that agent and nobody else (D13). */
export function follows(interest: Interest, topic: string): boolean {
  if (topic.startsWith('$self.')) return topic === `$self.${interest.agent}`;
  for (const pattern of interest.patterns) if (matches(pattern, topic)) return true;
  return false;
}

/** What becomes of a message on a topic that the agent follows. An agent's own topics name it by themselves. */
export function admissionOf(interest: Interest, message: Message): Admission {
  const { agent } = interest;
  if (message.sender.id === agent) return message.topic === `$self.${agent}` ? 'admitted' : 'own';
  if (!interest.onlyWhenTagged || message.recipients.includes(agent)) return 'admitted';
  return message.topic === `$inbox.${interest.agent}` ? 'admitted' : 'not-tagged';
}
