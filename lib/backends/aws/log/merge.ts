/** @module Several sources read as one, in the order of ids. */
import { Slots } from '../calls/slots.ts';
import { compareKeys } from './ranges.ts';
import type { Place, Source } from './sources.ts';

const MAX_AT_ONCE = 25;
const MAX_SIZE = 1_000;

interface Stream {
  readonly source: Source;
  waiting: readonly Place[];
  /** Index of the next one in `waiting`. */
  at: number;
  /** How much is asked for next; twice as much each time. */
  size: number;
}

export class Merge {
  readonly #streams: readonly Stream[];
  readonly #sign: number;
  readonly #slots = new Slots(MAX_AT_ONCE);

  /** @param expected How much will be taken, about. */
  constructor(sources: readonly Source[], isDescending: boolean, expected: number) {
    this.#sign = isDescending ? -1 : 1;
    const share = sources.length === 1 ? expected : Math.ceil((expected / Math.max(1, sources.length)) * 1.5) + 1;
    const size = Math.min(share, MAX_SIZE);
    this.#streams = sources.map((source) => ({ source, waiting: [], at: 0, size }));
  }

  /** The next `count` places; fewer only at the end. */
  async take(count: number): Promise<readonly Place[]> {
    const taken: Place[] = [];
    while (taken.length < count) {
      await this.#fill();
      const open = this.#streams.filter((stream) => stream.at < stream.waiting.length);
      if (open.length === 0) return taken;
      // Until one of them runs dry: what it has next may come before the others.
      let isDry = false;
      while (!isDry && taken.length < count) {
        const first = this.#first(open);
        if (first === undefined) break;
        taken.push(first.waiting[first.at++] as Place);
        isDry = first.at === first.waiting.length && !first.source.isDone;
      }
    }
    return taken;
  }

  #first(streams: readonly Stream[]): Stream | undefined {
    let first: Stream | undefined;
    for (const stream of streams) {
      const place = stream.waiting[stream.at];
      if (place === undefined) continue;
      const before = first?.waiting[first.at];
      if (before === undefined || this.#sign * compareKeys(place, before) < 0) first = stream;
    }
    return first;
  }

  async #fill(): Promise<void> {
    const dry = this.#streams.filter(({ at, waiting, source }) => at === waiting.length && !source.isDone);
    await Promise.all(
      dry.map((stream) =>
        this.#slots.run(async () => {
          stream.waiting = await stream.source.next(stream.size);
          stream.at = 0;
          stream.size = Math.min(stream.size * 2, MAX_SIZE);
        }),
      ),
    );
  }
}
