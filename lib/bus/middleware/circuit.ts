/** @module A circuit: closed while things work, open after they failed, and then tried by one. */
import type { Clock } from '../../core/clock.ts';

export interface CircuitOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** How long it stays open. */
  readonly openMs: number;
}

/** One try that the circuit let pass. */
export interface Passed {
  readonly epoch: number;
}

export type CircuitResult = 'worked' | 'failed' | 'neither';

export class Circuit {
  readonly #clock: Clock;
  readonly #options: CircuitOptions;
  #state: 'closed' | 'open' = 'closed';
  #failures = 0;
  #openedAt = 0;
  /** One more with each opening and closing, so that what began before says nothing about the time after. */
  #epoch = 0;
  #probe: { readonly over: Promise<void>; readonly end: () => void } | undefined;

  constructor(clock: Clock, options: CircuitOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** How long nothing may pass, in ms; 0 if something may be tried. */
  openForMs(): number {
    if (this.#state === 'closed') return 0;
    const now = this.#clock.now();
    // A clock that was set back would hold the circuit open for as long.
    this.#openedAt = Math.min(this.#openedAt, now);
    return Math.max(0, this.#openedAt + this.#options.openMs - now);
  }

  /** Resolves when the one that tries whether things work again is done; undefined if there is none. */
  get probe(): Promise<void> | undefined {
    return this.#probe?.over;
  }

  /** Lets something pass: only while it is not open, and there is no probe. Where it was open, this is the probe. */
  pass(): Passed {
    if (this.#state === 'open') {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#probe = { over: promise, end: resolve };
    }
    return { epoch: this.#epoch };
  }

  /** What came of it. */
  end(passed: Passed, result: CircuitResult): void {
    if (passed.epoch !== this.#epoch) return;
    const probe = this.#probe;
    this.#probe = undefined;
    if (result === 'worked') this.#worked();
    else if (result === 'failed') this.#failed();
    probe?.end();
  }

  #worked(): void {
    this.#failures = 0;
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#epoch++;
  }

  #failed(): void {
    this.#failures++;
    if (this.#state === 'closed' && this.#failures < this.#options.failures) return;
    this.#state = 'open';
    this.#openedAt = this.#clock.now();
    this.#epoch++;
  }
}
