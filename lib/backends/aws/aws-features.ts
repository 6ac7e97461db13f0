/** @module What the backend on AWS can do, and why no more. */
import type { Features } from '../features.ts';
import { MAX_OUTPUTS } from './ledger/ends.ts';
import { SWITCH_AGE_MS } from './ledger/switches.ts';

const DAY_MS = 86_400_000;

export interface GivenFeatures {
  readonly tracing: boolean;
  /** How long what arrives for a paused agent stays in its queue unseen. */
  readonly pausedMs: number;
  readonly uploads: boolean;
}

export function awsFeatures({ tracing, pausedMs, uploads }: GivenFeatures): Features {
  return {
    /** Queues, filters and permissions are made by a deployment, so that no function needs the right to make any. */
    runtimeSubscriptions: false,
    /** A queue gets what is published from its deployment on; older messages come by a replay plan. */
    startFrom: ['now'],
    orderingByKey: true,
    /** SQS knows no priorities: agents may have a second queue for urgent messages, and neither waits for the other. */
    priorities: 'lanes',
    plans: true,
    guarantees: ['at-least-once', 'at-most-once', 'exactly-once'],
    /** A message waits by going round a queue every 15 minutes, and after 30 days its family by default lets it go. */
    maxDelayMs: 30 * DAY_MS,
    /** SQS counts whole seconds, and what is due goes through the relay once more. */
    delayPrecisionMs: 5_000,
    pausing: true,
    /** Ids are minted by writers, which put them within 3 s by clocks that are off by 2 s at most. */
    tailHorizonMs: 10_000,
    tailing: true,
    /** Counting costs a write for each message and each delivery, so a guild asks for it: `tracing: true`. */
    progress: tracing,
    /** The shortest time that SQS hides a message for. */
    minLeaseMs: 1_000,
    /** SQS counts whole seconds, and is told one more than the lease has. */
    takeoverMs: 3_000,
    /**
     * Consumers remember the switch for 5 s, and what they gave back meanwhile stays unseen for a while: longer than an event
     * source takes to be on again, be it by the janitor.
     */
    pauseDelayMs: pausedMs + SWITCH_AGE_MS,
    /** The longest retention of a queue; what an agent missed beyond it comes by a replay plan. */
    maxAwayMs: 14 * DAY_MS,
    /** A transaction has 100 entries, of which the delivery takes some. */
    maxOutputs: MAX_OUTPUTS,
    /** Above it the write units of DynamoDB cost more than an object in S3. */
    maxInlineBytes: 8 * 1024,
    maxPayloadBytes: 25 * 1024 * 1024,
    /** A request to a function may have 6 MB. */
    uploads,
    clock: 'store',
  };
}
