/** @module How long requests may take: one timer for all that are under way. */
import { Alarm } from '../core/alarm.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { type Closable, OpenList } from '../core/open-list.ts';
import { TimedOutError } from './http-errors.ts';

/** Whose timers keep no process alive, so that one can stay set while nothing runs: setting it anew each time is dear. */
const idleClock: Clock = {
  ...systemClock,
  setTimer(delayMs, callback) {
    const timeout = setTimeout(callback, delayMs).unref();
    return { cancel: () => clearTimeout(timeout) };
  },
};

interface Running extends Closable {
  readonly until: number;
  readonly giveUp: (error: TimedOutError) => void;
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  /** In the order of their deadlines, since all have the same time. */
  readonly #running = new OpenList<Running>();
  readonly #alarm: Alarm;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#alarm = new Alarm(clock === systemClock ? idleClock : clock, () => this.#giveUpLate());
  }

  /** What the work gives; rejects with `TimedOutError` once its time is over, whatever becomes of it. */
  keep<T>(work: Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const running = { until: this.#clock.now() + this.#timeoutMs, giveUp: reject, isOpen: true };
    this.#running.add(running);
    this.#alarm.set(running.until);
    work.then(
      (value) => {
        this.#running.close(running);
        resolve(value);
      },
      (error: unknown) => {
        this.#running.close(running);
        reject(error);
      },
    );
    return promise;
  }

  #giveUpLate(): number | undefined {
    const now = this.#clock.now();
    for (let running = this.#running.first(); running !== undefined; running = this.#running.first()) {
      if (running.until > now) return running.until;
      this.#running.close(running);
      running.giveUp(new TimedOutError(this.#timeoutMs));
    }
    return undefined;
  }
}
