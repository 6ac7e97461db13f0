import {
  type Backend,
  BackendUnavailableError,
  effectiveKey,
  type GemstoneId,
  type Guild,
  genericJson,
  type Json,
  MemoryBackend,
  type Message,
  openBus,
  silentLog,
  startGuild,
} from 'guildwire';
import { type ChaosFaults, explore, seededRandom, type TestStage, type VirtualClock } from 'guildwire/testing';
import { altered } from '../altered.ts';
import { violationsOf } from './check.ts';
import { type Claim, evidenceOf } from './evidence.ts';
import { Observer } from './observer.ts';
import { type Plan, planOf, type RootPlan } from './plan.ts';
import { plannedGuild, Runs } from './planned-guild.ts';

const NAMESPACE = 'default';
/** Longer than any lease, so that what comes back does so. */
const AFTERMATH_MS = 60_000;
const MAX_SHOWN = 10;

/** Faults of which a consumer, or what it settled, may be lost. */
const DEADLY: ReadonlySet<string> = new Set(['crashBeforeSettle', 'crashAfterSettle', 'failAppend', 'outage']);

/** One guild, drawn from a seed, on one backend. */
class Model {
  readonly #plan: Plan;
  readonly #runs = new Runs();
  readonly guild: Guild;
  #observer: Observer | undefined;

  constructor(seed: number) {
    this.#plan = planOf(seed);
    this.guild = plannedGuild(this.#plan, this.#runs);
  }

  /** The backend as the model watches it. */
  observe(backend: Backend, now: () => number): Backend {
    const ordered = this.#plan.agents.filter(({ ordering }) => ordering === 'key').map(({ name }) => name);
    this.#observer = new Observer(backend, now, new Set(ordered));
    return this.#observer.backend;
  }

  /** Plays the plan until nothing happens any more. @throws if the contract was broken. */
  async play(stage: TestStage): Promise<void> {
    const { clock } = stage;
    const observer = this.#observer as Observer;
    const bus = openBus(observer.backend, { namespace: NAMESPACE, sender: 'user:model', clock });
    const twin = await this.#startTwin(stage);
    const roots = new Map<string, GemstoneId>();
    const settled = new Map<GemstoneId, Claim>();
    const watched: Promise<unknown>[] = [];
    await this.#pause(clock, observer.backend);
    for (const root of this.#plan.roots) {
      await clock.advance(root.afterMs);
      const id = await publishSurely(stage, root);
      roots.set(root.path, id);
      watched.push(bus.settled(id).then((result) => settled.set(id, { result, at: observer.event() })));
    }
    for (const id of roots.values()) await stage.settled(id);
    await Promise.all([...watched, stage.until(twin.stopped)]);
    await clock.advance(AFTERMATH_MS);

    const { agents } = this.#plan;
    const selves = agents.map(({ name }) => stage.messages({ topic: `$self.${name}` }));
    const log = [await stage.messages({ pattern: '**' }), ...(await Promise.all(selves))].flat();
    const letters = await Promise.all(agents.map(({ name }) => stage.deadLetters(name)));
    const evidence = evidenceOf({
      plan: this.#plan,
      runs: this.#runs,
      observer,
      log,
      deadLetters: letters.flat(),
      settled,
      roots,
      state: await this.#counters(log),
      mayDie: stage.faults.some(({ kind }) => DEADLY.has(kind)),
    });
    const violations = violationsOf(evidence);
    if (violations.length > 0) throw new Error(violations.slice(0, MAX_SHOWN).join('\n'));
  }

  /** A second instance, which competes with the first for a while. */
  async #startTwin({ clock, chaos }: TestStage): Promise<{ readonly stopped: Promise<void> }> {
    const { twinStopsAfterMs, seed } = this.#plan;
    const { promise: stopped, resolve } = Promise.withResolvers<void>();
    if (twinStopsAfterMs === undefined) resolve();
    else {
      const backend = altered(chaos, { [Symbol.asyncDispose]: async () => {} });
      const random = seededRandom(seed + 1);
      const options = { backend: () => backend, namespace: NAMESPACE, clock, random, log: silentLog };
      // It does not come up while the store is away.
      const twin = await startGuild(this.guild, options).catch(() => undefined);
      clock.setTimer(twinStopsAfterMs, () => (twin?.drain(1_000) ?? Promise.resolve()).then(resolve));
    }
    return { stopped };
  }

  /** Keeps an agent from its work for a while. */
  async #pause(clock: VirtualClock, backend: Backend): Promise<void> {
    const { pause } = this.#plan;
    if (pause === undefined) return;
    await backend.pause(NAMESPACE, pause.agent, true);
    clock.setTimer(pause.forMs, () => void backend.pause(NAMESPACE, pause.agent, false));
  }

  /** What the counters of stateful agents say, by agent and key. */
  async #counters(log: readonly Message[]): Promise<ReadonlyMap<string, Json | undefined>> {
    const { backend } = this.#observer as Observer;
    const keys = [...new Set(log.map(effectiveKey))];
    const counters = new Map<string, Json | undefined>();
    for (const { name, hasState } of this.#plan.agents) {
      if (!hasState) continue;
      const values = await backend.state(NAMESPACE, name, keys);
      for (const [index, key] of keys.entries()) counters.set(`${name} ${key}`, values[index]?.value);
    }
    return counters;
  }
}

/** As a program does that must not lose anything: again, until the store says that it has it (P2). */
async function publishSurely({ running, clock }: TestStage, { path, topics, options }: RootPlan): Promise<GemstoneId> {
  for (;;) {
    try {
      const published = running.publish(
        topics,
        genericJson,
        { path, parent: '', level: 0 },
        { ...options, idempotencyKey: path },
      );
      return await clock.runUntil(published);
    } catch (error) {
      if (!(error instanceof BackendUnavailableError)) throw error;
      await clock.advance(500);
    }
  }
}

export interface ModelOptions {
  readonly seeds: number;
  readonly seed?: number;
  readonly faults: ChaosFaults;
  /** What is wrong with the backend. */
  readonly defect?: (backend: Backend) => Backend;
  readonly limitMs?: number;
  readonly maxShrinkRuns?: number;
}

/**
 * Plays guilds that are drawn from seeds, and compares what came of them with what the contract promises.
 *
 * @throws ExploreError with the seed.
 */
export async function exploreModel({ defect = (backend) => backend, ...options }: ModelOptions): Promise<void> {
  let model: Model;
  await explore(
    (seed) => {
      model = new Model(seed);
      return model.guild;
    },
    {
      ...options,
      backend: ({ clock, random }) => model.observe(defect(new MemoryBackend({ clock, random })), () => clock.now()),
    },
    (stage) => model.play(stage),
  );
}
