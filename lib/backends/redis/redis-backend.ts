/** @module The backend of many processes and hosts: every change is one call of a function on a Redis server. */
import type { GemstoneId } from '../../core/gemstone-id.ts';
import type { Draft, Message, MessageKey } from '../../core/message.ts';
import type {
  AgentStats,
  Backend,
  Cursor,
  Fate,
  Lease,
  LeaseRequest,
  Outcome,
  Page,
  Plan,
  PlanId,
  PlanRequest,
  Progress,
  ProgressWait,
  ReadQuery,
  Settlement,
  Subscription,
} from '../backend.ts';
import type { Features } from '../features.ts';
import { noUploads, type Uploads } from '../uploads.ts';
import { type Appended, Appender } from './appender.ts';
import { Channels } from './channels.ts';
import { Connection } from './connection.ts';
import { Consumers } from './consumers.ts';
import { Ledger, type Versioned } from './ledger.ts';
import { Namespaces } from './namespace.ts';
import { Plans } from './plans.ts';
import { Reading } from './reading.ts';
import { type RedisOptions, redisFeatures, redisSettings } from './redis-options.ts';
import type { ServerDescription } from './server-description.ts';
import { type Settled, Settlements } from './settlements.ts';
import { Subscriptions } from './subscriptions.ts';
import { Sweeper } from './sweeper.ts';
import { TopicNames } from './topic-names.ts';

/**
 * Opens a backend on a Redis server, version 7 or later; dispose of it when done. Connecting goes on in the background: a
 * call waits for it up to `timeoutMs`.
 *
 * @throws InvalidArgumentError for options that are none.
 */
export async function openRedisBackend(url: string, options: RedisOptions = {}): Promise<RedisBackend> {
  return new RedisBackend(url, options);
}

export class RedisBackend implements Backend {
  readonly name = 'redis';
  readonly features: Features;
  readonly uploads: Uploads;
  readonly #connection: Connection;
  readonly #channels: Channels;
  readonly #appender: Appender;
  readonly #reading: Reading;
  readonly #topicNames: TopicNames;
  readonly #subscriptions: Subscriptions;
  readonly #settlements: Settlements;
  readonly #consumers: Consumers;
  readonly #plans: Plans;
  readonly #ledger: Ledger;
  readonly #sweeper: Sweeper;

  constructor(url: string, options: RedisOptions = {}) {
    const settings = redisSettings(options);
    this.features = redisFeatures(settings);
    this.uploads = noUploads(this.name, this.features);
    this.#connection = new Connection(url, settings);
    this.#channels = new Channels(this.#connection);
    const namespaces = new Namespaces(this.#connection, this.#channels, settings);
    this.#appender = new Appender(namespaces, this.features.maxInlineBytes);
    this.#topicNames = new TopicNames(namespaces);
    this.#reading = new Reading(namespaces, this.#topicNames);
    this.#subscriptions = new Subscriptions(namespaces, this.#reading);
    this.#settlements = new Settlements(namespaces, this.features);
    this.#consumers = new Consumers(namespaces, this.#settlements);
    this.#plans = new Plans(namespaces, this.#reading);
    this.#ledger = new Ledger(namespaces);
    this.#sweeper = new Sweeper(namespaces, this.#subscriptions, this.#appender);
  }

  append(drafts: readonly Draft[], _nonce: string): Promise<Appended[]> {
    return this.#appender.append(drafts);
  }

  read(query: ReadQuery): Promise<Page<Message>> {
    return this.#reading.read(query);
  }

  topics(namespace: string, after?: Cursor): Promise<Page<{ readonly topic: string; readonly lastId: GemstoneId }>> {
    return this.#topicNames.page(namespace, after);
  }

  subscribe(subscription: Subscription): Promise<void> {
    return this.#subscriptions.subscribe(subscription);
  }

  unsubscribe(namespace: string, agent: string): Promise<void> {
    return this.#subscriptions.unsubscribe(namespace, agent);
  }

  pause(namespace: string, agent: string, paused: boolean): Promise<void> {
    return this.#subscriptions.pause(namespace, agent, paused);
  }

  lease(request: LeaseRequest): Promise<readonly Lease[]> {
    return this.#consumers.lease(request);
  }

  start(leases: readonly Lease[]): Promise<Outcome[]> {
    return this.#consumers.start(leases);
  }

  extend(leases: readonly Lease[], leaseMs: number): Promise<Outcome<{ readonly until: number }>[]> {
    return this.#consumers.extend(leases, leaseMs);
  }

  settle(settlements: readonly Settlement[]): Promise<Settled[]> {
    return this.#settlements.settle(settlements);
  }

  plan(request: PlanRequest): Promise<Plan> {
    return this.#plans.make(request);
  }

  runPlan(id: PlanId, { max }: { readonly max: number }): Promise<Plan> {
    return this.#plans.run(id, max);
  }

  state(namespace: string, agent: string, keys: readonly string[]): Promise<readonly Versioned[]> {
    return this.#ledger.state(namespace, agent, keys);
  }

  progress(namespace: string, root: GemstoneId, wait: ProgressWait): Promise<Progress> {
    return this.#ledger.progress(namespace, root, wait);
  }

  fates(namespace: string, key: MessageKey): Promise<readonly Fate[]> {
    return this.#ledger.fates(namespace, key);
  }

  stats(namespace: string): Promise<readonly AgentStats[]> {
    return this.#ledger.stats(namespace);
  }

  /** Lets go, now and not only some day, of what is past its retention or has expired, and of subscriptions that nobody serves. */
  sweep(namespace: string): Promise<void> {
    return this.#sweeper.sweep(namespace);
  }

  /** What the server tells about itself, for who operates it; also where it cannot be used. */
  describeServer(): Promise<ServerDescription> {
    return this.#connection.describe();
  }

  /**
   * Puts the functions of this version on the server, which users who are allowed to do it do by themselves. An administrator
   * calls it once for those who are not.
   */
  loadFunctions(): Promise<void> {
    return this.#connection.loadFunctions();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sweeper.stop();
    this.#connection.close();
    this.#channels.close();
  }
}
