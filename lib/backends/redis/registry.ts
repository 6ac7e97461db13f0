/** @module What a client knows of a namespace: its subscriptions, as of a version that the store compares, and its topics. */
import { follows } from '../../core/admission.ts';
import { isReserved } from '../../core/topic.ts';
import type { Subscription } from '../backend.ts';
import type { Connection } from './connection.ts';
import { list, text } from './reply.ts';

const MAX_REMEMBERED = 20_000;

export class Registry {
  readonly namespace: string;
  readonly #connection: Connection;
  /** Undefined until it was asked for. */
  #version: string | undefined;
  #subscriptions: readonly Subscription[] = [];
  #followers = new Map<string, readonly Subscription[]>();
  #topics = new Set<string>();

  constructor(connection: Connection, namespace: string) {
    this.#connection = connection;
    this.namespace = namespace;
  }

  get version(): string {
    return this.#version ?? '';
  }

  get subscriptions(): readonly Subscription[] {
    return this.#subscriptions;
  }

  subscriptionOf(agent: string): Subscription | undefined {
    return this.#subscriptions.find((subscription) => subscription.agent === agent);
  }

  /** Makes sure that something is known, be it old. */
  async known(): Promise<void> {
    if (this.#version === undefined) await this.refresh();
  }

  /** What is in force now. */
  async refresh(): Promise<void> {
    const [version, subscriptions] = list(await this.#connection.call('registry', this.namespace, []));
    this.#topics.clear();
    if (text(version) === this.#version) return;
    this.#version = text(version);
    this.#subscriptions = list(subscriptions).map((each) => JSON.parse(text(each)) as Subscription);
    this.#followers.clear();
  }

  /** Who follows a topic. Replies are stored only. */
  followersOf(topic: string): readonly Subscription[] {
    if (topic.startsWith('$reply.')) return [];
    let followers = this.#followers.get(topic);
    if (followers === undefined) {
      followers = this.#subscriptions.filter((subscription) => follows(subscription, topic));
      if (this.#followers.size >= MAX_REMEMBERED) this.#followers.clear();
      this.#followers.set(topic, followers);
    }
    return followers;
  }

  /** Whether the topic was in use when it was last stored under, so that it needs no announcement. */
  knowsTopic(topic: string): boolean {
    return isReserved(topic) || this.#topics.has(topic);
  }

  addTopic(topic: string): void {
    if (this.#topics.size >= MAX_REMEMBERED) this.#topics.clear();
    if (!isReserved(topic)) this.#topics.add(topic);
  }
}
