/** @module What is known of agents and their work: state, progress of a root, fates of a message, statistics. */
import { NotFoundError } from '../../core/errors.ts';
import { type GemstoneId, timeOf } from '../../core/gemstone-id.ts';
import type { Json } from '../../core/json.ts';
import { freezeJson } from '../../core/json.ts';
import { type MessageKey, toReference } from '../../core/message.ts';
import type { AgentStats, DropReason, Fate, Progress, ProgressWait } from '../backend.ts';
import type { Namespaces } from './namespace.ts';
import { list, number, type Reply, rows, text } from './reply.ts';

export interface Versioned {
  readonly value: Json | undefined;
  readonly version: number;
}

/** Whoever waits for a root looks by itself as often as this, should a word have been lost. */
const LOOK_MS = 5_000;
const DROPPED = 'dropped ';

export class Ledger {
  readonly #namespaces: Namespaces;

  constructor(namespaces: Namespaces) {
    this.#namespaces = namespaces;
  }

  async state(namespace: string, agent: string, keys: readonly string[]): Promise<readonly Versioned[]> {
    if (keys.length === 0) return [];
    return list(await this.#namespaces.call('state', namespace, [agent, ...keys])).map(toVersioned);
  }

  async progress(namespace: string, root: GemstoneId, { waitMs, timers }: ProgressWait): Promise<Progress> {
    const giveUpAt = performance.now() + waitMs;
    const channel = waitMs > 0 ? this.#namespaces.settledChannel(namespace) : undefined;
    const { closing } = this.#namespaces;
    for (;;) {
      const seen = channel?.heard ?? 0;
      const progress = toProgress(await this.#namespaces.call('progress', namespace, [root]), root);
      const { waiting, running, retrying, delayed } = progress;
      const isOver = waiting + running + retrying + delayed + (timers ? progress.timers : 0) === 0;
      const leftMs = giveUpAt - performance.now();
      if (isOver || channel === undefined || leftMs <= 0 || closing.aborted) return progress;
      await channel.changed(seen, Math.min(leftMs, LOOK_MS), [closing], (word) => word === root);
    }
  }

  async fates(namespace: string, key: MessageKey): Promise<readonly Fate[]> {
    const reply = await this.#namespaces.call('fates', namespace, [key.topic, key.id]);
    if (reply === null) throw new NotFoundError(`message ${toReference(key)}`);
    return rows(reply, 4)
      .map(([agent, epoch, state, attempts]) => ({
        agent: text(agent),
        topic: key.topic,
        epoch: number(epoch),
        attempts: number(attempts),
        state: text(state) as Fate['state'],
      }))
      .toSorted((one, other) =>
        one.agent === other.agent ? one.epoch - other.epoch : one.agent < other.agent ? -1 : 1,
      );
  }

  async stats(namespace: string): Promise<readonly AgentStats[]> {
    const found = list(await this.#namespaces.call('stats', namespace, [])).map(toStats);
    return found.toSorted((one, other) => (one.agent < other.agent ? -1 : 1));
  }
}

function toVersioned(reply: Reply): Versioned {
  if (reply === null) return { value: undefined, version: 0 };
  const stored = text(reply);
  const space = stored.indexOf(' ');
  return { value: freezeJson(JSON.parse(stored.slice(space + 1))) as Json, version: Number(stored.slice(0, space)) };
}

function toProgress(reply: Reply, root: GemstoneId): Progress {
  if (reply === null) throw new NotFoundError(`root ${root}`);
  const [waiting = 0, running = 0, retrying = 0, delayed = 0, timers = 0, handled = 0, failed = 0, halted = 0] =
    list(reply).map(number);
  return { waiting, running, retrying, delayed, timers, handled, failed, halted };
}

function toStats(reply: Reply): AgentStats {
  const [agent, waiting, dead, oldest, fields] = list(reply);
  const found = new Map(rows(fields, 2).map(([field, value]) => [text(field), text(value)]));
  const dropped = [...found]
    .filter(([field]) => field.startsWith(DROPPED))
    .map(([field, count]) => [field.slice(DROPPED.length) as DropReason, Number(count)] as const);
  return {
    agent: text(agent),
    waiting: number(waiting),
    dead: number(dead),
    dropped: Object.fromEntries(dropped),
    oldestAt: text(oldest) === '' ? undefined : timeOf(text(oldest).slice(0, 26) as GemstoneId),
    paused: found.has('paused'),
  };
}
