/** @module Following the log (H2): from a place on, page by page, as fast as the messages are taken. */
import type { Backend, Cursor, ReadQuery } from '../backends/backend.ts';
import { AskAgain } from '../core/ask-again.ts';
import type { Clock } from '../core/clock.ts';
import { firstIdOf, type GemstoneId, isGemstoneId, timeOf } from '../core/gemstone-id.ts';
import { type Message, parseReference, type Reference, toReference } from '../core/message.ts';
import { type TailQuery, toReadQuery } from './history-query.ts';

/** Where a stream goes on: behind the copy that a reference names, or from an id on. */
export type Place = Reference | GemstoneId;

export interface FollowerOptions {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly namespace: string;
  readonly query: Omit<TailQuery, 'since'>;
  readonly place: Place;
  /** How long one call of `next` waits for something. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

const PAGE = 100;

/** The place behind everything that the query names now. */
export async function placeOfNow(
  backend: Backend,
  clock: Clock,
  namespace: string,
  { topic, pattern, thread, conversation, agent, deadLettersOf }: Omit<TailQuery, 'since'>,
): Promise<Place> {
  // Where the store lets late writers in, the newest id is no boundary; where it mints ids itself, a clock of ours is none.
  if (backend.features.tailHorizonMs > 0) return firstIdOf(clock.now());
  const where = {
    ...(topic !== undefined && { topic }),
    ...(pattern !== undefined && { pattern }),
    ...(thread !== undefined && { thread }),
    ...(conversation !== undefined && { conversation }),
    ...(agent !== undefined && { agent }),
    ...(deadLettersOf !== undefined && { deadLettersOf }),
  };
  const { items } = await backend.read({ ...toReadQuery(namespace, where), order: 'id-desc', limit: 1 });
  const [newest] = items;
  return newest === undefined ? firstIdOf(0) : toReference(newest);
}

/**
 * Gives every message once, from a place on. On a store with a tail horizon, one that goes on at a reference gives again what
 * lies within the horizon: which of it was shown before, only the client knows.
 */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #query: ReadQuery;
  /** What was given before, as far as the store may give it again. */
  readonly #given = new Set<Reference>();
  readonly #again: AskAgain;
  #after: Cursor | undefined;
  /** The copy behind which it goes on, until it was met. */
  #behind: Reference | undefined;

  constructor(options: FollowerOptions) {
    const { backend, namespace, query, place, waitMs, signal } = options;
    this.#options = options;
    this.#again = new AskAgain(options.clock);
    const { tailHorizonMs } = backend.features;
    let since: GemstoneId;
    if (isGemstoneId(place)) since = place;
    else {
      const { id } = parseReference(place);
      since = tailHorizonMs > 0 ? firstIdOf(timeOf(id) - tailHorizonMs) : id;
      if (tailHorizonMs > 0) this.#given.add(place);
      else this.#behind = place;
    }
    this.#query = { ...toReadQuery(namespace, { ...query, since }), order: 'arrival', limit: PAGE, waitMs, signal };
  }

  /** Must be awaited before the first `next`: a copy that is gone cannot be met. */
  async begin(): Promise<void> {
    if (this.#behind === undefined) return;
    const { backend, namespace } = this.#options;
    const where = { references: [parseReference(this.#behind)] };
    const { items } = await backend.read({ namespace, where, order: 'id', limit: 1 });
    if (items.length === 0) this.#behind = undefined;
  }

  /** What has come since the last call, or comes within `waitMs`; empty if nothing does. */
  async next(): Promise<readonly Message[]> {
    const { backend, clock, waitMs, signal } = this.#options;
    const giveUpAt = clock.now() + waitMs;
    do {
      this.#again.asking();
      const askedAt = clock.now();
      const page = await backend.read({ ...this.#query, ...(this.#after !== undefined && { after: this.#after }) });
      this.#after = page.next ?? this.#after;
      const items = page.items.filter((message) => this.#isNew(message));
      this.#forgetOlder(askedAt);
      if (items.length > 0) {
        this.#again.gotSomething();
        return items;
      }
      // A store with a horizon gives what it gave before, at once and each time.
      if (page.items.length === 0 || backend.features.tailHorizonMs > 0) await this.#again.gotNothing(signal);
    } while (clock.now() < giveUpAt && !signal.aborted);
    return [];
  }

  #isNew(message: Message): boolean {
    if (this.#options.backend.features.tailHorizonMs > 0) return this.#remember(message);
    return this.#behind === undefined || this.#isBehind(message, this.#behind);
  }

  /** The copies of one id come in one order, and those before the one that was shown last were shown as well. */
  #isBehind(message: Message, behind: Reference): boolean {
    const isSameId = message.id === parseReference(behind).id;
    if (!isSameId || toReference(message) === behind) this.#behind = undefined;
    return !isSameId;
  }

  /** False if it was given before. */
  #remember(message: Message): boolean {
    const reference = toReference(message);
    if (this.#given.has(reference)) return false;
    this.#given.add(reference);
    return true;
  }

  /** What is older than the store gives again needs no remembering: its page begins where it was when it was asked for. */
  #forgetOlder(askedAt: number): void {
    const before = askedAt - 2 * this.#options.backend.features.tailHorizonMs;
    for (const reference of this.#given) {
      if (timeOf(parseReference(reference).id) >= before) return;
      this.#given.delete(reference);
    }
  }
}
