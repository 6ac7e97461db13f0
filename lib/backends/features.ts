/** @module What a backend can do, and to what degree. */

/**
 * What a backend can do. A capability that is missing throws `UnsupportedFeatureError` when it is asked for; a number is a
 * degree that tests use and docs print, and going beyond a maximum has an error of its own.
 */
export interface Features {
  /** Whether `subscribe` creates subscriptions; where a deployment declares them it only checks. */
  readonly runtimeSubscriptions: boolean;
  readonly startFrom: readonly ('now' | 'beginning' | 'id')[]; // D3
  readonly orderingByKey: boolean; // D4
  readonly priorities: 'strict' | 'lanes' | 'none'; // D5
  readonly plans: boolean; // D7
  readonly guarantees: readonly ('at-least-once' | 'at-most-once' | 'exactly-once')[]; // D8
  /** Longest delay, and how late a delayed message may come. */
  readonly maxDelayMs: number; // D11
  readonly delayPrecisionMs: number; // D11
  readonly pausing: boolean; // D17
  /** How far back a tail must read again; 0 where the order of arrival is the order of ids. */
  readonly tailHorizonMs: number; // H2
  readonly tailing: boolean; // H2
  readonly progress: boolean; // G3, G4
  readonly minLeaseMs: number;
  /** How long after its lease ran out a delivery may wait for the next consumer. */
  readonly takeoverMs: number; // D10
  readonly pauseDelayMs: number; // D17
  /** How long a subscription may be away without losing anything. */
  readonly maxAwayMs: number; // D2
  /**
   * What one attempt may decide, all of which then is committed. A message counts once for each of its topics and once for an
   * idempotency key, a key of the state once for each 32 KB begun of its value.
   */
  readonly maxOutputs: number; // D9
  /** Payloads above it are set aside as attachments; above this port a message always has its payload. */
  readonly maxInlineBytes: number;
  readonly maxPayloadBytes: number;
  /** Whether a large payload can be put into the store before its message is published. */
  readonly uploads: boolean;
  /** Whether virtual time reaches leases and delays. */
  readonly clock: 'injected' | 'store';
}
