import { AwsBackend, type AwsBackendOptions } from '../../../lib/backends/aws/aws-backend.ts';
import type { AgentStats, Lease, LeaseRequest } from '../../../lib/backends/backend.ts';
import { systemClock } from '../../../lib/core/clock.ts';
import type { Emulators } from '../../../lib/rehearsal/emulators.ts';
import type { CreateHarness } from '../../../lib/testing/conformance/harness.ts';
import { seededRandom } from '../../../lib/testing/random.ts';
import { AwsStack, type Tables } from './aws-stack.ts';
import type { HttpGate } from './http-gate.ts';

const UNIT_MS = 1_000;
const TIMEOUT_MS = 2_500;
/** Calls give up after 2.5 s, and agents look again after 5 s at most. */
const RECOVERY_UNITS = 15;
const POLL_MS = 1_000;
const PAUSED_MS = 1_000;
const TAIL_POLL_MS = 250;
/** Looks, this long apart, at which nothing may have gone through for a stack to be at rest. */
const QUIET_LOOKS = 8;
const QUIET_LOOK_MS = 40;

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A worker's backend that sees what was stored before once it has been relayed: the suite does not wait for the relay. */
class GatedBackend extends AwsBackend {
  readonly gates: readonly HttpGate[];
  readonly #stack: AwsStack;
  readonly #onClosed: () => void;

  constructor(options: AwsBackendOptions, stack: AwsStack, gates: readonly HttpGate[], onClosed: () => void) {
    super(options);
    this.gates = gates;
    this.#stack = stack;
    this.#onClosed = onClosed;
  }

  override async lease(request: LeaseRequest): Promise<readonly Lease[]> {
    if (request.waitMs <= 0) await this.#stack.relayedAll();
    const leases = await super.lease(request);
    // The emulator gives messages to polls whose caller is gone.
    if (request.signal?.aborted) await this.idle(request.agent);
    return leases;
  }

  override async stats(namespace: string): Promise<readonly AgentStats[]> {
    await this.#stack.relayedAll();
    return super.stats(namespace);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    for (const gate of this.gates) await gate[Symbol.asyncDispose]();
    this.#onClosed();
  }
}

/** For the conformance suite: real time, the same tables for all tests, and for each test queues and a relay of its own. */
export function awsHarness(emulators: Emulators, tables: Tables, tracing: boolean): CreateHarness {
  return (seed) => {
    const random = seededRandom(seed);
    const stack = new AwsStack(emulators, tables, tracing);
    const gates: HttpGate[] = [];
    let open = 0;
    const queries = () => gates.reduce((sum, gate) => sum + gate.queries, 0);
    const passages = () => gates.reduce((sum, gate) => sum + gate.passages, stack.passages);
    return {
      clock: systemClock,
      random,
      unitMs: UNIT_MS,
      recoveryUnits: RECOVERY_UNITS,
      async open(subscriptions) {
        await stack.deploy(subscriptions);
        const own: HttpGate[] = [];
        const options = await stack.options(own);
        gates.push(...own);
        const timings = { timeoutMs: TIMEOUT_MS, pollMs: POLL_MS, pausedMs: PAUSED_MS, tailPollMs: TAIL_POLL_MS };
        open++;
        return new GatedBackend({ ...options, ...timings, random }, stack, own, () => {
          if (--open === 0) void stack[Symbol.asyncDispose]();
        });
      },
      advance: (units) => wait(units * UNIT_MS),
      async quiet() {
        for (let looks = 0, before = -1, queried = queries(); looks < QUIET_LOOKS; ) {
          await stack.relayedAll();
          await wait(QUIET_LOOK_MS);
          const isSame = passages() === before;
          // Whoever follows the log has looked twice since: the first look may have begun before.
          const hasLooked = queries() === queried || queries() >= queried + 2 * gates.length;
          if (!isSame) queried = queries();
          if (!isSame) looks = 0;
          else if (hasLooked) looks++;
          before = passages();
        }
      },
      async setReachable(backend, isReachable) {
        // Long enough that calls that rode out the outage have given up.
        if (isReachable) await wait(TIMEOUT_MS + 100);
        for (const gate of (backend as GatedBackend).gates) gate.setOpen(isReachable);
      },
      deliverRaw: (_, namespace, key, raw) => stack.putRaw(namespace, key, raw),
    };
  };
}
