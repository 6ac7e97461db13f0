/** @module What `guildwire/testing` exports: guilds in virtual time, faults on purpose, the suite for backends. */
export { chaos } from './chaos/chaos.ts';
export type { ChaosBackend } from './chaos/chaos-backend.ts';
export { type ChaosFaults, type ChaosOptions, type FaultKind, type Lasting, someChaos } from './chaos/chaos-options.ts';
export type { InjectedFault } from './chaos/fault-schedule.ts';
export { describeBackend } from './conformance/describe-backend.ts';
export type { CreateHarness, Harness } from './conformance/harness.ts';
export { memoryHarness } from './conformance/memory-harness.ts';
export { type ExploreOptions, explore, type Scenario } from './explore.ts';
export { seededRandom } from './random.ts';
export { type TestGuildOptions, testGuild } from './test-guild.ts';
export type { RunResult, TestStage } from './test-stage.ts';
export { ExploreError, NotSettledError, StandstillError, VirtualTimeError } from './testing-errors.ts';
export { VirtualClock } from './virtual-clock.ts';
