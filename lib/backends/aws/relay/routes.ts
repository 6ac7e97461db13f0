/** @module Where a message goes from the log: which agents follow it, and which topics of SNS bring it to them. */
import { admissionOf, follows, type Interest } from '../../../core/admission.ts';
import type { Message } from '../../../core/message.ts';
import { familyTopicName } from '../../../environment/aws-names.ts';
import type { ManifestAgent } from '../../../environment/guild-manifest.ts';
import type { AwsSettings } from '../aws-settings.ts';

export interface Destination {
  readonly topicArn: string;
  readonly isOrdered: boolean;
}

export interface Route {
  /** Agents that get it, by name. */
  readonly agents: readonly string[];
  /** None if no agent gets it: what nobody reads need not be paid for. */
  readonly destinations: readonly Destination[];
}

interface Follower extends Interest {
  readonly isOrdered: boolean;
}

interface Followed {
  readonly followers: readonly Follower[];
  readonly pattern: string | undefined;
}

const MAX_KNOWN_TOPICS = 10_000;
const NOWHERE: Route = Object.freeze({ agents: [], destinations: [] });

export class Routes {
  readonly #settings: Pick<AwsSettings, 'manifest' | 'families'>;
  readonly #prefix: string;
  /** By topic: few are used, and often. */
  readonly #known = new Map<string, Followed>();

  /** @param topicArnPrefix All before the name of a family's topic. */
  constructor(settings: Pick<AwsSettings, 'manifest' | 'families'>, topicArnPrefix: string) {
    this.#settings = settings;
    this.#prefix = topicArnPrefix;
  }

  /** @param content The message, or bytes that are none: those go to whoever follows the topic. */
  of(topic: string, content: Message | Uint8Array): Route {
    // Replies are read by who asked, from the log.
    if (topic.startsWith('$reply.')) return NOWHERE;
    const { followers, pattern } = this.#followed(topic);
    if (pattern === undefined) return NOWHERE;
    const admitted =
      content instanceof Uint8Array
        ? followers
        : followers.filter((follower) => admissionOf(follower, content) === 'admitted');
    if (admitted.length === 0) return NOWHERE;
    const kinds = [false, true].filter((isOrdered) => admitted.some((follower) => follower.isOrdered === isOrdered));
    return {
      agents: admitted.map(({ agent }) => agent),
      destinations: kinds.map((isOrdered) => ({
        topicArn: `${this.#prefix}${familyTopicName(pattern, isOrdered)}`,
        isOrdered,
      })),
    };
  }

  #followed(topic: string): Followed {
    const known = this.#known.get(topic);
    if (known !== undefined) return known;
    const { manifest, families } = this.#settings;
    const followed = {
      followers: manifest.agents.map(followerOf).filter((follower) => follows(follower, topic)),
      pattern: families.of(topic)?.pattern,
    };
    if (this.#known.size >= MAX_KNOWN_TOPICS) this.#known.clear();
    this.#known.set(topic, followed);
    return followed;
  }
}

const followerOf = ({ name, patterns, onlyWhenTagged, ordering }: ManifestAgent): Follower => ({
  agent: name,
  patterns,
  onlyWhenTagged,
  isOrdered: ordering === 'key',
});
