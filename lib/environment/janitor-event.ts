/** @module What its schedule hands the janitor. It comes with the event, since sixty queues do not fit into an environment. */

/**
 * Some of the guild's queues: one event names at most `QUEUES_PER_EVENT` agents, and a guild with more has several events
 * at each tick.
 */
export interface JanitorEvent {
  readonly kind: 'guildwire.janitor';
  /** URLs of dead-letter queues, by agent: what SNS or SQS could not hand on, and what was received too often. */
  readonly deadLetterQueues: Readonly<Record<string, string>>;
  /** URL of the queue that takes what the relay could not hand on; in one event of a tick only. */
  readonly safetyQueue?: string;
  /** UUIDs of the event source mappings of the same agents, for those that do not follow the switches of their agent. */
  readonly sources: Readonly<Record<string, readonly string[]>>;
  /** Whether to run what is left of plans; in one event of a tick only. */
  readonly runsPlans: boolean;
}

/** An event may have 8,192 characters (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html). */
export const QUEUES_PER_EVENT = 20;
