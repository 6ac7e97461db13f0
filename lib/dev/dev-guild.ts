/** @module A guild that is developed: its agents are replaced when its files change, and what waits for them stays. */
import { basename, dirname, extname } from 'node:path';
import type { Backend } from '../backends/backend.ts';
import { borrowed } from '../backends/borrowed-backend.ts';
import type { Log } from '../bus/log.ts';
import { CONFIG_FILES } from '../configuration/config-file.ts';
import { loadProblem } from '../configuration/load-problem.ts';
import { type Clock, systemClock, type Timer } from '../core/clock.ts';
import { GuildwireError } from '../core/errors.ts';
import type { Guild } from '../guild/define-guild.ts';
import type { RunningGuild } from '../guild/running-guild.ts';
import { startGuild } from '../guild/start-guild.ts';
import { refuseUnknownAgents } from './known-agents.ts';
import { guildPath, loadGuild } from './load-guild.ts';
import { ModuleVersions } from './module-versions.ts';
import { SourceWatch } from './source-watch.ts';

export interface DevOptions {
  readonly file: string;
  /** Stays open over reloads; closed by who opened it. */
  readonly backend: Backend;
  readonly namespace: string;
  /** The agents to run; those that a later version of the guild no longer has are left out. @default - all */
  readonly agents?: readonly string[];
  /** What a configuration changes of the guild that was loaded. */
  readonly configure: (guild: Guild) => Guild;
  readonly log: Log;
  readonly onReload: (event: ReloadEvent) => void;
  readonly clock?: Clock;
}

export type ReloadEvent =
  | { readonly kind: 'reloaded'; readonly guild: Guild; readonly before: Guild }
  /** The guild as it was before goes on. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** What was read at the start has changed, and is not read again. */
  | { readonly kind: 'outdated'; readonly file: string };

/** An editor writes a file in several steps, and several files at once. */
const QUIET_MS = 60;
/** How long handlers may go on with the old code; a person waits for the new one. */
const DRAIN_MS = 5_000;
const MODULES: ReadonlySet<string> = new Set(['.ts', '.mts', '.js', '.mjs']);
/** Read rather than imported, so that nobody knows which of them matter. */
const DATA: ReadonlySet<string> = new Set(['.json', '.yaml', '.yml']);

export class DevGuild implements AsyncDisposable {
  readonly #options: DevOptions;
  readonly #modules: ModuleVersions;
  readonly #watch: SourceWatch;
  readonly #clock: Clock;
  #folders = new Set<string>();
  #running: RunningGuild | undefined;
  #guild: Guild | undefined;
  /** Of the last load; what would mend it may be a file that nobody imports yet. */
  #hasFailed = false;
  readonly #changes = new Set<string>();
  #timer: Timer | undefined;
  #reloading: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(options: DevOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#modules = new ModuleVersions(guildPath(options.file));
    this.#watch = new SourceWatch((path) => this.#changed(path));
  }

  /** Loads the guild, starts its agents and watches its files. @throws GuildFileError and what startGuild throws. */
  static async open(options: DevOptions): Promise<DevGuild> {
    const dev = new DevGuild(options);
    try {
      const guild = await dev.#load();
      // Later an agent may well be gone for a while; at first it is a mistake.
      refuseUnknownAgents(options.agents ?? [], guild);
      await dev.#start(guild);
      return dev;
    } catch (error) {
      dev.#watch.close();
      throw error;
    }
  }

  /** The guild as it runs now. */
  get guild(): Guild {
    return this.#guild as Guild;
  }

  /** Loads and starts the guild anew. One that cannot be loaded or started leaves the one before at work. */
  reload(): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload());
    return this.#reloading;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#watch.close();
    this.#timer?.cancel();
    await this.#reloading;
    await this.#running?.[Symbol.asyncDispose]();
  }

  #changed(path: string): void {
    const ending = extname(path);
    const isModule = MODULES.has(ending) && (this.#hasFailed || this.#modules.files.has(path));
    if (this.#isClosed || !(isModule || DATA.has(ending) || isConfiguration(path))) return;
    this.#changes.add(path);
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(QUIET_MS, () => this.#takeUp());
  }

  #takeUp(): void {
    const [configuration] = [...this.#changes].filter(isConfiguration);
    const isReload = [...this.#changes].some((path) => !isConfiguration(path));
    this.#changes.clear();
    if (configuration !== undefined) this.#options.onReload({ kind: 'outdated', file: basename(configuration) });
    if (isReload) void this.reload();
  }

  async #reload(): Promise<void> {
    if (this.#isClosed) return;
    const before = this.guild;
    try {
      const guild = await this.#load();
      await this.#stop();
      await this.#start(guild);
      this.#options.onReload({ kind: 'reloaded', guild, before });
    } catch (error) {
      this.#options.onReload({ kind: 'failed', reason: reasonOf(error) });
      await this.#startAgain(before);
    }
  }

  async #load(): Promise<Guild> {
    const { file, configure } = this.#options;
    // Watched before it is read, so that no change falls in between.
    this.#watch.follow(this.#folders);
    this.#hasFailed = true;
    try {
      const guild = configure(await loadGuild(file, (path) => this.#modules.import(path)));
      this.#hasFailed = false;
      this.#folders = new Set();
      return guild;
    } finally {
      for (const path of this.#modules.files) this.#folders.add(dirname(path));
      this.#watch.follow(this.#folders);
    }
  }

  /** What runs is given back where it does not end, and nothing is taken any more: nobody handles it twice at once. */
  async #stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.drain(DRAIN_MS);
    await running?.[Symbol.asyncDispose]();
  }

  async #start(guild: Guild): Promise<void> {
    const { backend, namespace, agents, log } = this.#options;
    this.#running = await startGuild(guild, {
      backend: () => borrowed(backend),
      namespace,
      log,
      clock: this.#clock,
      ...(agents !== undefined && { agents: agents.filter((name) => Object.hasOwn(guild.agents, name)) }),
    });
    this.#guild = guild;
  }

  /** Where the agents were stopped for others that could not be started. */
  async #startAgain(guild: Guild): Promise<void> {
    if (this.#running !== undefined) return;
    try {
      await this.#start(guild);
    } catch (error) {
      const reason = `the agents before cannot be started again: ${reasonOf(error)}`;
      this.#options.onReload({ kind: 'failed', reason });
    }
  }
}

const isConfiguration = (path: string) => (CONFIG_FILES as readonly string[]).includes(basename(path));

const reasonOf = (error: unknown) => (error instanceof GuildwireError ? error.message : loadProblem(error));
