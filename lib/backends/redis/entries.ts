/** @module Drafts as the functions take them: who gets each, what it is found by, and its body. */
import { createHash } from 'node:crypto';
import { admissionOf } from '../../core/admission.ts';
import { encodeMessage } from '../../core/codec.ts';
import { firstIdOf } from '../../core/gemstone-id.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { type Draft, effectiveKey, type Message, parseReference } from '../../core/message.ts';
import { platformDraft } from '../../core/platform-draft.ts';
import type { Registry } from './registry.ts';

/** What is known of a message besides its body; see `storeLua`. */
export interface Descent {
  readonly r?: string;
  readonly k?: string;
  readonly c?: string;
  readonly x?: number;
}

export interface Entry extends Descent {
  readonly p: number;
  readonly b: number;
  readonly topics: readonly { readonly name: string; readonly to: readonly string[] }[];
  readonly at?: number;
  readonly i?: { readonly key: string; readonly digest: string };
  readonly e?: { readonly key: string; readonly ordinal: string; readonly agent: string; readonly delivery: string };
}

/** What a message that has no id yet is looked at with. */
const NO_ID = firstIdOf(0);

/** The entries and bodies of one call. */
export class EntryWriter {
  readonly bodies: string[] = [];
  readonly #registry: Registry;
  readonly #inlineBytes: number;
  readonly #known = new Set<string>();
  readonly #new = new Map<string, Entry>();

  constructor(registry: Registry, inlineBytes: number) {
    this.#registry = registry;
    this.#inlineBytes = inlineBytes;
  }

  /** What of the header concerns topics: those that need no announcement, and the announcements of the others. */
  get topics(): { readonly known: readonly string[]; readonly new: Readonly<Record<string, Entry>> } {
    return { known: [...this.#known], new: Object.fromEntries(this.#new) };
  }

  /** From now on the topics that were announced are known. */
  stored(): void {
    for (const topic of this.#new.keys()) this.#registry.addTopic(topic);
  }

  /** @returns Its place among the bodies, as Lua counts. */
  addBody(body: string): number {
    return this.bodies.push(body);
  }

  /** @param delivered False for what is only stored. */
  add(draft: Draft, delivered = true): Entry {
    const { message, effect } = draft;
    const [first = ''] = message.topics;
    for (const topic of message.topics) this.#announce(topic);
    const content = draft.payloadBytes > this.#inlineBytes ? setAside(draft) : message;
    const complete: Message = { ...content, topic: first, id: NO_ID };
    return {
      p: draft.priority,
      b: this.addBody(encodeMessage(complete)),
      topics: message.topics.map((name) => ({ name, to: delivered ? this.#targets(complete, name) : [] })),
      ...descentOf(complete),
      ...(message.deliverAt !== undefined && { at: message.deliverAt }),
      ...(message.idempotencyKey !== undefined &&
        effect === undefined && { i: { key: message.idempotencyKey, digest: digest(message.payload) } }),
      ...(effect !== undefined && { e: effectEntry(effect) }),
    };
  }

  #targets(message: Message, topic: string): readonly string[] {
    const copy = topic === message.topic ? message : { ...message, topic };
    return this.#registry
      .followersOf(topic)
      .filter((subscription) => admissionOf(subscription, copy) === 'admitted')
      .map(({ agent }) => agent);
  }

  #announce(topic: string): void {
    if (this.#registry.knowsTopic(topic)) {
      if (!topic.startsWith('$')) this.#known.add(topic);
      return;
    }
    if (this.#new.has(topic)) return;
    const key = { namespace: this.#registry.namespace, topic: '$topics' };
    this.#new.set(topic, this.add(platformDraft('topics', key, { format: 'guildwire.topic', payload: { topic } })));
  }
}

/** The root, key and conversation of a message, as far as they do not go without saying. */
export function descentOf(message: Message): Descent {
  const [root] = message.thread;
  const rootId = root === undefined ? message.id : parseReference(root).id;
  const key = effectiveKey(message);
  return {
    ...(root !== undefined && { r: rootId }),
    ...(key !== rootId && { k: key }),
    ...(message.conversationId !== undefined && { c: message.conversationId }),
    ...(message.expiresAt !== undefined && { x: message.expiresAt }),
  };
}

function effectEntry({ delivery, ordinal }: NonNullable<Draft['effect']>): NonNullable<Entry['e']> {
  const [, agent = '', topic = '', id = '', epoch = ''] = delivery.split('/');
  return { key: delivery, ordinal: `${ordinal}`, agent, delivery: `${id}/${topic}/${epoch}` };
}

/** A large payload lies in its message all the same, since the store takes it; its digest says that it was. */
function setAside({ message, payloadBytes }: Draft): Draft['message'] & Pick<Message, 'attachment'> {
  const sha256 = createHash('sha256').update(JSON.stringify(message.payload)).digest('hex');
  return { ...message, attachment: { bytes: payloadBytes, sha256, location: `redis:${sha256}` } };
}

/** The same for payloads that are the same, whatever the order of their keys. */
function digest(payload: Json): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(payload)))
    .digest('base64url');
}

function sorted(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value as JsonObject).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}
