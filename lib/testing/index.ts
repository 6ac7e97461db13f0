/** @module What `guildwire/testing` exports: virtual time, repeatable randomness, and the conformance suite for backends. */
export { describeBackend } from './conformance/describe-backend.ts';
export type { CreateHarness, Harness } from './conformance/harness.ts';
export { memoryHarness } from './conformance/memory-harness.ts';
export { seededRandom } from './random.ts';
export { VirtualClock } from './virtual-clock.ts';
