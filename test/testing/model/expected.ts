import type { Message } from 'guildwire';
import { deliveryOf } from './observer.ts';
import { type Act, type AgentPlan, actOf, type Payload, type Plan } from './plan.ts';

/** A delivery that must come about, and what must come of it. */
export interface Expected {
  readonly delivery: string;
  readonly agent: AgentPlan;
  readonly message: Message;
  readonly act: Act;
  readonly outcome: 'completed' | 'failed' | 'permanent';
}

/** Every delivery that the messages of the log lead to. */
export function expectedDeliveries(plan: Plan, log: readonly Message[]): readonly Expected[] {
  return log.flatMap((message) =>
    plan.agents
      .filter((agent) => isFor(agent, message))
      .map((agent) => {
        const act = actOf(plan, agent, message.topic, message.payload as Payload);
        return { delivery: deliveryOf(agent.name, message), agent, message, act, outcome: outcomeOf(agent, act) };
      }),
  );
}

/** Who gets what, said anew in place of asking the code that is under test. */
function isFor({ name, patterns, isTagged }: AgentPlan, { topic, sender, recipients }: Message): boolean {
  if (topic.startsWith('$self.')) return topic === `$self.${name}`;
  if (sender.id === name || !patterns.some((pattern) => names(pattern, topic))) return false;
  return !isTagged || recipients.includes(name);
}

/** Topics have two segments here. */
function names(pattern: string, topic: string): boolean {
  if (pattern === '**') return true;
  const [first, second] = pattern.split('.');
  const [level, name] = topic.split('.');
  return (first === '*' || first === level) && (second === '*' || second === '**' || second === name);
}

function outcomeOf({ attempts, guarantee }: AgentPlan, { failures, how }: Act): Expected['outcome'] {
  if (failures === 0) return 'completed';
  if (how === 'permanent') return 'permanent';
  return failures >= attempts || guarantee === 'at-most-once' ? 'failed' : 'completed';
}
