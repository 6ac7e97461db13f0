/** @module Letters: deliveries that a consumer is given while it waits, without asking. */
import type { Reply } from './reply.ts';

const LINE_FEED = 0x0a;
/** Where a lease has its body. */
const BODY = 2;

/** The letters to one agent's consumers here, of whom one waits at a time. */
export class Letters {
  readonly #onLetter: () => void;
  #expected: string | undefined;
  #given: readonly Reply[] | undefined;

  /** @param onLetter Told that there is one to take. */
  constructor(onLetter: () => void) {
    this.#onLetter = onLetter;
  }

  /** From now on only a letter under this nonce counts: what another gives has come in another way. */
  expect(nonce: string): void {
    this.#expected = nonce;
    this.#given = undefined;
  }

  /** @param letter As the server writes it: the nonce and the leases as JSON, a line feed, and the bodies. */
  add(letter: Buffer): void {
    const end = letter.indexOf(LINE_FEED);
    const [nonce, entries] = JSON.parse(letter.toString('utf8', 0, end)) as [string, (readonly Reply[])[]];
    if (nonce !== this.#expected) return;
    let at = end + 1;
    this.#given = entries.map((entry) => {
      const length = entry[BODY] as number;
      const body = length < 0 ? undefined : letter.subarray(at, at + length);
      at += Math.max(0, length);
      return entry.with(BODY, body);
    });
    this.#onLetter();
  }

  /** What is given, as the function `lease` hands it out; undefined if no letter has come. */
  take(): readonly Reply[] | undefined {
    const given = this.#given;
    if (given !== undefined) this.#expected = undefined;
    this.#given = undefined;
    return given;
  }
}
