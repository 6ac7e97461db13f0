import { Redis } from 'ioredis';
import type { RedisServer } from '../redis-server/redis-server.ts';
import type { Fleet } from './fleet.ts';

/** How often: a worker dies each second, and the rest comes in between. */
const KILL_EVERY_MS = 1_000;
const CUT_EVERY_MS = 2_500;
const FREEZE_EVERY_MS = 20_000;
/** Longer than a lease of the guild: what a worker holds that wakes up is no longer its own. */
const FROZEN_MS = 14_000;
const PAUSE_EVERY_MS = 15_000;
const MAX_PAUSE_MS = 3_000;
const RESTART_EVERY_MS = 45_000;
const MAX_AWAY_MS = 1_500;

const sleep = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });

/** What goes wrong, at times that a seed decides. */
export class Faults implements AsyncDisposable {
  readonly counts = { frozen: 0, cut: 0, paused: 0, pausedMs: 0, restarted: 0 };
  readonly #server: RedisServer;
  readonly #fleet: Fleet;
  readonly #random: () => number;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;
  /** Only one thing at a time is done to the server. */
  #serverIsFree = Promise.resolve();

  constructor(server: RedisServer, fleet: Fleet, size: number, random: () => number) {
    this.#server = server;
    this.#fleet = fleet;
    this.#random = random;
    this.#running = Promise.all([
      this.#every(KILL_EVERY_MS, async () => this.#fleet.kill(Math.floor(random() * size))),
      this.#every(FREEZE_EVERY_MS, () => this.#freeze(Math.floor(random() * size)), FREEZE_EVERY_MS / 4),
      this.#every(CUT_EVERY_MS, () => this.#onServer(() => this.#cut())),
      this.#every(PAUSE_EVERY_MS, () => this.#onServer(() => this.#pause())),
      this.#every(RESTART_EVERY_MS, () => this.#onServer(() => this.#restart()), RESTART_EVERY_MS / 3),
    ]);
  }

  /** Whether each kind has been there. */
  get wereAll(): boolean {
    return this.#fleet.counts.killed > 0 && Object.values(this.counts).every((count) => count > 0);
  }

  /** No more faults; resolves when the server is there. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #every(ms: number, act: () => Promise<void>, firstMs = ms): Promise<void> {
    const { signal } = this.#stop;
    for (let waitMs = firstMs; ; waitMs = ms) {
      await sleep(waitMs * (0.8 + 0.4 * this.#random()), signal);
      if (signal.aborted) return;
      await act();
    }
  }

  #onServer(act: () => Promise<void>): Promise<void> {
    this.#serverIsFree = this.#serverIsFree.then(act);
    return this.#serverIsFree;
  }

  async #freeze(index: number): Promise<void> {
    this.#fleet.freeze(index);
    await sleep(FROZEN_MS, this.#stop.signal);
    this.#fleet.thaw();
    this.counts.frozen++;
  }

  async #cut(): Promise<void> {
    const admin = new Redis(this.#server.url);
    const kind = this.#random() < 0.7 ? 'normal' : 'pubsub';
    this.counts.cut += Number(await admin.call('CLIENT', 'KILL', 'TYPE', kind, 'SKIPME', 'yes'));
    admin.disconnect();
  }

  async #pause(): Promise<void> {
    const ms = 500 + this.#random() * (MAX_PAUSE_MS - 500);
    this.#server.pause();
    await sleep(ms, this.#stop.signal);
    this.#server.resume();
    this.counts.paused++;
    this.counts.pausedMs += Math.round(ms);
  }

  async #restart(): Promise<void> {
    await this.#server.kill();
    await sleep(this.#random() * MAX_AWAY_MS, this.#stop.signal);
    await this.#server.restart();
    this.counts.restarted++;
  }
}
