/** @module What the memory backend can do. */
import type { Features } from '../features.ts';

export const DAY_MS = 86_400_000;

export const memoryFeatures: Features = {
  runtimeSubscriptions: true,
  startFrom: ['now', 'beginning', 'id'],
  orderingByKey: true,
  priorities: 'strict',
  plans: true,
  guarantees: ['at-least-once', 'at-most-once', 'exactly-once'],
  maxDelayMs: 365 * DAY_MS,
  delayPrecisionMs: 1_000,
  pausing: true,
  tailHorizonMs: 0,
  tailing: true,
  progress: true,
  minLeaseMs: 1,
  takeoverMs: 1_000,
  pauseDelayMs: 0,
  maxAwayMs: Number.POSITIVE_INFINITY,
  maxOutputs: 1_000,
  maxInlineBytes: 256 * 1024,
  uploads: false,
  maxPayloadBytes: 25 * 1024 * 1024,
  clock: 'injected',
};
