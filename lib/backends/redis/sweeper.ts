/** @module Lets go of what is past its retention, of what has expired, and of subscriptions that nobody serves any more. */
import { firstIdOf } from '../../core/gemstone-id.ts';
import { platformDraft } from '../../core/platform-draft.ts';
import { DEFAULT_RETENTION_DAYS } from '../../core/topic-family.ts';
import type { Appender } from './appender.ts';
import type { Namespaces } from './namespace.ts';
import { DAY_MS } from './redis-options.ts';
import { list, number, rows, text } from './reply.ts';
import type { Subscriptions } from './subscriptions.ts';

const TOPICS_PER_CALL = 100;
const MESSAGES_PER_CALL = 500;
/** What has expired can be explained for a while. */
const EXPIRED_KEPT_MS = 60_000;

export class Sweeper {
  readonly #namespaces: Namespaces;
  readonly #subscriptions: Subscriptions;
  readonly #appender: Appender;
  readonly #timer: NodeJS.Timeout | undefined;
  #isSweeping = false;

  constructor(namespaces: Namespaces, subscriptions: Subscriptions, appender: Appender) {
    this.#namespaces = namespaces;
    this.#subscriptions = subscriptions;
    this.#appender = appender;
    const { sweepMs } = namespaces.settings;
    this.#timer = sweepMs === 0 ? undefined : setInterval(() => void this.#takeTurns(), sweepMs);
    this.#timer?.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Everything that is due in a namespace, in calls that are short. */
  async sweep(namespace: string): Promise<void> {
    const [now] = list(await this.#namespaces.call('horizon', namespace, []));
    await this.#sweepExpired(namespace, number(now) - EXPIRED_KEPT_MS);
    for (const names of ['topics', 'replies']) await this.#sweepTopics(namespace, names, number(now));
    await this.#giveUp(namespace, number(now));
  }

  /** Of all clients of a namespace one sweeps at a time. */
  async #takeTurns(): Promise<void> {
    // In an outage each of many namespaces takes its time.
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    for (const namespace of this.#namespaces.names) {
      // An outage is noticed by whoever publishes; the next turn comes by itself.
      await this.#takeTurn(namespace).catch(() => {});
    }
    this.#isSweeping = false;
  }

  async #takeTurn(namespace: string): Promise<void> {
    const everyMs = Math.ceil(this.#namespaces.settings.sweepMs / 2);
    if (number(await this.#namespaces.call('sweep_turn', namespace, [everyMs])) === 1) await this.sweep(namespace);
  }

  async #sweepExpired(namespace: string, until: number): Promise<void> {
    for (;;) {
      const found = await this.#namespaces.call('sweep_expired', namespace, [until, MESSAGES_PER_CALL]);
      if (number(found) < MESSAGES_PER_CALL) return;
    }
  }

  async #sweepTopics(namespace: string, names: string, now: number): Promise<void> {
    const { families } = this.#namespaces.settings;
    const cutoff = (topic: string) =>
      firstIdOf(now - (families?.of(topic)?.retentionDays ?? DEFAULT_RETENTION_DAYS) * DAY_MS);
    for (let min = '-'; ; ) {
      const topics = list(await this.#namespaces.call('swept_names', namespace, [names, min, TOPICS_PER_CALL])).map(
        text,
      );
      let open = topics.map((topic) => [topic, cutoff(topic), '-']);
      while (open.length > 0) {
        const reply = await this.#namespaces.call('sweep_topics', namespace, [MESSAGES_PER_CALL, ...open.flat()]);
        open = rows(reply, 2).map(([topic, from]) => [text(topic), cutoff(text(topic)), text(from)]);
      }
      if (topics.length < TOPICS_PER_CALL) return;
      min = `(${topics.at(-1)}`;
    }
  }

  async #giveUp(namespace: string, now: number): Promise<void> {
    const { abandonAfterDays } = this.#namespaces.settings;
    if (abandonAfterDays === 0) return;
    const since = now - abandonAfterDays * DAY_MS;
    for (const [agent, seen, waiting] of rows(await this.#namespaces.call('abandoned', namespace, [since]), 3)) {
      const payload = { agent: text(agent), lastSeenAt: number(seen), waiting: number(waiting) };
      const content = { format: 'guildwire.abandoned', payload, status: 'error' } as const;
      await this.#appender.append([platformDraft('retention', { namespace, topic: '$errors' }, content)]);
      await this.#subscriptions.unsubscribe(namespace, payload.agent);
    }
  }
}
