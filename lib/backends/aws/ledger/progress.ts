/** @module How far the work of a root is, and what became of a message (G3, G4): read from the trail of the root. */
import { pause } from '../../../core/clock.ts';
import { NotFoundError, UnsupportedFeatureError } from '../../../core/errors.ts';
import { firstIdOf, type GemstoneId } from '../../../core/gemstone-id.ts';
import { type MessageKey, rootIdOf, toReference } from '../../../core/message.ts';
import { THREAD_INDEX, tableAttributes, threadKey } from '../../../environment/aws-keys.ts';
import type { Fate, Progress, ProgressWait } from '../../backend.ts';
import type { AwsCalls } from '../calls/aws-calls.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';
import { Bodies } from '../log/bodies.ts';
import type { LogReader } from '../log/log-reader.ts';
import { indexSource } from '../log/sources.ts';
import type { OutcomeRow, Trail, Trails } from './trails.ts';

const FIRST_LOOK_MS = 50;
const LAST_LOOK_MS = 1_000;
/** How long a record stays in the stream of a table. */
const STREAM_MS = 86_400_000;
const PAGE = 1_000;

/** One delivery, and what is known of it. */
interface Delivery {
  readonly key: MessageKey;
  readonly agent: string;
  readonly epoch: number;
  readonly due: number;
  readonly outcome: OutcomeRow | undefined;
}

export class ProgressReader {
  readonly #calls: AwsCalls;
  readonly #dynamodb: DynamoDBCalls;
  readonly #trails: Trails;
  readonly #reader: LogReader;
  readonly #bodies: Bodies;

  constructor(dynamodb: DynamoDBCalls, trails: Trails, reader: LogReader) {
    this.#calls = dynamodb.calls;
    this.#dynamodb = dynamodb;
    this.#trails = trails;
    this.#reader = reader;
    this.#bodies = new Bodies(dynamodb);
  }

  async progress(namespace: string, root: GemstoneId, { waitMs, timers }: ProgressWait): Promise<Progress> {
    this.#mustTrace();
    const { clock, closing } = this.#calls;
    const giveUpAt = clock.now() + waitMs;
    for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(LAST_LOOK_MS, lookMs * 2)) {
      const trail = await this.#trails.read(namespace, root);
      const isUnrelayed = trail.routed.length === 0;
      if (isUnrelayed) await this.#mustBeKept(namespace, root);
      const unrelayed = isUnrelayed ? 1 : await this.#unrelayed(namespace, root, trail);
      const progress = progressOf(trail, unrelayed, clock.now());
      const { waiting, running, retrying, delayed } = progress;
      const open = waiting + running + retrying + delayed + (timers ? progress.timers : 0);
      const leftMs = giveUpAt - clock.now();
      if (open === 0 || leftMs <= 0 || closing.aborted) return progress;
      await pause(clock, Math.min(lookMs, leftMs), closing);
    }
  }

  async fates(namespace: string, key: MessageKey): Promise<readonly Fate[]> {
    this.#mustTrace();
    const [message] = await this.#reader.get(namespace, [key]);
    if (message === undefined) throw new NotFoundError(`message ${toReference(key)}`);
    const trail = await this.#trails.read(namespace, rootIdOf(message));
    const name = toReference(key);
    return deliveriesOf(trail)
      .filter((delivery) => toReference(delivery.key) === name)
      .map(({ agent, epoch, outcome }) => ({
        agent,
        topic: key.topic,
        epoch,
        attempts: outcome?.attempts ?? 0,
        state: stateOf(outcome, this.#calls.clock.now()),
      }))
      .toSorted((one, other) =>
        one.agent === other.agent ? one.epoch - other.epoch : one.agent < other.agent ? -1 : 1,
      );
  }

  /**
   * How much the relay has still to hand on, but for what has expired; what another root had published under the key of an
   * output was handed on for that one.
   */
  async #unrelayed(namespace: string, root: GemstoneId, { routed, outcomes }: Trail): Promise<number> {
    const seen = new Set(routed.map(({ key }) => toReference(key)));
    const isOpen = (key: MessageKey) => !seen.has(toReference(key)) && !key.topic.startsWith('$reply.');
    const outputs = outcomes.flatMap((outcome) => outcome.outputs);
    const items = await this.#bodies.find(
      namespace,
      [...outputs, ...(await this.#young(namespace, root))].filter(isOpen),
    );
    const messages = [...items.values()].map((item) => this.#bodies.shown(item));
    return messages.filter((message) => message !== undefined && rootIdOf(message) === root).length;
  }

  /**
   * What the relay may not have seen yet, outputs or not: the root under its other topics, what a handler published at once,
   * what was said in answer. Without the index by thread nobody knows; what is older has left the stream.
   */
  async #young(namespace: string, root: GemstoneId): Promise<readonly MessageKey[]> {
    const { settings, clock } = this.#calls;
    if (!settings.threads) return [];
    const range = { isDescending: false, from: firstIdOf(clock.now() - STREAM_MS) };
    const of = { index: THREAD_INDEX, name: tableAttributes.thread, value: threadKey(namespace, root) };
    const source = indexSource({ dynamodb: this.#dynamodb, namespace, range, signal: undefined }, of);
    const keys: MessageKey[] = [];
    while (!source.isDone) keys.push(...(await source.next(PAGE)));
    return keys;
  }

  /** The root, or anything that descends from it. */
  async #mustBeKept(namespace: string, root: GemstoneId): Promise<void> {
    const query = { namespace, where: { thread: root }, order: 'id', limit: 1 } as const;
    const { items } = await this.#reader.read(query);
    if (items.length === 0) throw new NotFoundError(`root ${root}`);
  }

  #mustTrace(): void {
    if (!this.#trails.isOn) throw new UnsupportedFeatureError('aws', 'counting without `tracing: true` in the guild');
  }
}

function deliveriesOf({ routed, outcomes }: Trail): readonly Delivery[] {
  const nameOf = (key: MessageKey, agent: string, epoch: number) => `${toReference(key)} ${agent} ${epoch}`;
  const known = new Map(outcomes.map((outcome) => [nameOf(outcome.key, outcome.agent, outcome.epoch), outcome]));
  return routed.flatMap(({ key, agents, epoch, due }) =>
    agents.map((agent) => ({ key, agent, epoch, due, outcome: known.get(nameOf(key, agent, epoch)) })),
  );
}

const PLACES = ['waiting', 'running', 'retrying', 'handled', 'halted'] as const;

/** @param unrelayed Messages that the relay has not yet seen. */
function progressOf(trail: Trail, unrelayed: number, now: number): Progress {
  const counts = {
    waiting: unrelayed,
    running: 0,
    retrying: 0,
    delayed: 0,
    timers: 0,
    handled: 0,
    failed: 0,
    halted: 0,
  };
  for (const delivery of deliveriesOf(trail)) {
    const place = placeOf(delivery, now);
    if (place !== undefined) counts[place]++;
  }
  return counts;
}

/** Whoever had it in hand may be gone: it then waits for somebody else. */
function stateOf(outcome: OutcomeRow | undefined, now: number): Fate['state'] {
  if (outcome === undefined) return 'waiting';
  const isGone = outcome.state === 'running' && outcome.until <= now;
  return (isGone ? 'waiting' : outcome.state) as Fate['state'];
}

function placeOf({ key, outcome, due }: Delivery, now: number): keyof Progress | undefined {
  if (outcome === undefined && due > now) return key.topic.startsWith('$self.') ? 'timers' : 'delayed';
  const state = stateOf(outcome, now);
  if (outcome?.isRedriven) return undefined;
  if (state === 'dead') return 'failed';
  return (PLACES as readonly string[]).includes(state) ? (state as keyof Progress) : undefined;
}
