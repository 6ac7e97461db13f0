/** @module From what a publisher says to a valid draft: the one place where input is checked (P5). */
import type { Features } from '../backends/features.ts';
import { unknownFields } from '../core/codec.ts';
import {
  DelayTooLongError,
  type FieldFault,
  GuildwireError,
  InvalidMessageError,
  PayloadInvalidError,
  PayloadTooLargeError,
} from '../core/errors.ts';
import { encodeWith, type Format, isFormat } from '../core/format.ts';
import { Priority, priorityOf } from '../core/gemstone-id.ts';
import { copyJson, type Json, type JsonObject, jsonBytes } from '../core/json.ts';
import { childThread, type Draft, MAX_STEPS, type Message, type Sender, toReference } from '../core/message.ts';
import { MAX_TOPICS, messageRules } from '../core/message-rules.ts';
import { show } from '../core/show.ts';
import { isPlatformOnly, isReserved, matches, topicProblem } from '../core/topic.ts';
import type { TopicFamilies, TopicFamily } from '../core/topic-family.ts';
import { checkOptions, messageFields, type PublishOptions } from './publish-options.ts';

export interface Publisher {
  readonly namespace: string;
  readonly sender: Sender;
  readonly families: TopicFamilies;
  readonly features: Features;
  /** Unix ms. */
  readonly now: () => number;
  /** The patterns that an agent declares; undefined for publishers that are no agents. */
  readonly publishes?: readonly string[];
}

interface KnownTopic {
  readonly problem: string | undefined;
  readonly family: TopicFamily | undefined;
  /** The topic as the only one of a message. */
  readonly alone: readonly string[];
}

/** A payload as it is stored, and what it is called. */
export interface Content {
  readonly format: string;
  readonly formatVersion: number;
  readonly encoding: Message['encoding'];
  readonly payload: Json;
}

const NONE: readonly never[] = Object.freeze([]);
const EMPTY: Readonly<Record<string, never>> = Object.freeze({});
const MAX_KNOWN_TOPICS = 10_000;

/** Makes drafts for one publisher. */
export class Drafts {
  readonly #publisher: Publisher;
  readonly #topics = new Map<string, KnownTopic>();

  constructor(publisher: Publisher) {
    this.#publisher = publisher;
  }

  /**
   * @param parent The message being handled, which the new one descends from.
   * @throws InvalidMessageError with every fault of topics, payload and options.
   * @throws PayloadTooLargeError, AsyncFormatError, DelayTooLongError
   */
  create(
    topics: string | readonly string[],
    format: Format,
    payload: unknown,
    options: PublishOptions = EMPTY,
    parent?: Message,
  ): Draft {
    const faults: FieldFault[] = [];
    const named = this.#checkTopics(topics, faults, format?.name);
    return this.#build(named, encode(format, payload, faults), options, parent, faults);
  }

  /** An answer to `parent`, at an address that its publisher chose and the agent need not declare. Throws like `create`. */
  answer(address: string, format: Format, payload: unknown, options: PublishOptions, parent: Message): Draft {
    const faults: FieldFault[] = [];
    checkFormat(address, this.#publisher.families.of(address), faults, format?.name);
    return this.#build(Object.freeze([address]), encode(format, payload, faults), options, parent, faults);
  }

  /** A message of the agent to itself. Throws like `create`. */
  toSelf(format: Format, payload: unknown, delayMs: number, parent: Message): Draft {
    const faults: FieldFault[] = [];
    const topics = Object.freeze([`$self.${this.#publisher.sender.id}`]);
    const draft = this.#build(topics, encode(format, payload, faults), { delayMs }, parent, faults);
    // Waiting is no generation: an agent that wakes itself every hour is no circle (G1).
    return delayMs > 0 ? { ...draft, message: Object.freeze({ ...draft.message, hops: parent.hops }) } : draft;
  }

  /** `parent` once more, under other topics: its payload as it is, and what a newer version wrote. Throws like `create`. */
  forward(topics: string | readonly string[], options: PublishOptions, parent: Message): Draft {
    const faults: FieldFault[] = [];
    const named = this.#checkTopics(topics, faults, parent.format);
    const draft = this.#build(named, parent, options, parent, faults);
    return { ...draft, message: { ...draft.message, ...unknownFields(parent) } };
  }

  #build(
    topics: readonly string[],
    { format, formatVersion, encoding, payload }: Content,
    given: PublishOptions,
    parent: Message | undefined,
    faults: FieldFault[],
  ): Draft {
    const options = isOptions(given, faults) ? given : EMPTY;
    if (options !== EMPTY) this.#checkOptions(options, faults);
    const payloadBytes = jsonBytes(payload);
    const { maxPayloadBytes, maxDelayMs } = this.#publisher.features;
    const tooLarge =
      payloadBytes > maxPayloadBytes ? new PayloadTooLargeError(payloadBytes, maxPayloadBytes) : undefined;
    if (tooLarge !== undefined && faults.length > 0) faults.push({ field: 'payload', problem: tooLarge.message });
    const sessionState = mergeSessionState(options, parent, faults);
    if (faults.length > 0) throw new InvalidMessageError(faults);
    if (tooLarge !== undefined) throw tooLarge;
    if ((options.delayMs ?? 0) > maxDelayMs) throw new DelayTooLongError(options.delayMs as number, maxDelayMs);
    const { namespace, sender } = this.#publisher;
    const message: Draft['message'] = {
      namespace,
      topics,
      sender,
      format,
      formatVersion,
      encoding,
      payload,
      recipients: NONE,
      thread: NONE,
      steps: NONE,
      sessionState,
      enrichWithHistory: 0,
      hops: 0,
      headers: EMPTY,
    };
    if (options === EMPTY && parent === undefined) return { message, priority: Priority.NORMAL, payloadBytes };
    return {
      message: {
        ...message,
        ...this.#descent(parent, topics, options),
        ...messageFields(options),
        ...limits(parent, options),
        ...this.#times(options),
      },
      priority: options.priority ?? (parent === undefined ? Priority.NORMAL : priorityOf(parent.id)),
      payloadBytes,
    };
  }

  /** What a message has from the one that was being handled when it was published. */
  #descent(parent: Message | undefined, topics: readonly string[], { reason }: PublishOptions): Partial<Message> {
    if (parent === undefined) return {};
    const { conversationId, traceparent, tracestate } = parent;
    const step = Object.freeze({
      agent: this.#publisher.sender.id,
      origin: toReference(parent),
      topics,
      ...(reason !== undefined && { reason }),
    });
    return {
      thread: Object.freeze(childThread(parent)),
      steps: Object.freeze([...parent.steps, step].slice(-MAX_STEPS)),
      hops: parent.hops + 1,
      ...(conversationId !== undefined && { conversationId }),
      ...(traceparent !== undefined && { traceparent }),
      ...(tracestate !== undefined && { tracestate }),
    };
  }

  #times({ delayMs, ttlMs }: PublishOptions): Partial<Message> {
    const now = this.#publisher.now();
    return {
      ...(delayMs !== undefined && delayMs > 0 && { deliverAt: now + delayMs }),
      ...(ttlMs !== undefined && { expiresAt: now + ttlMs }),
    };
  }

  #checkOptions(options: PublishOptions, faults: FieldFault[]): void {
    checkOptions(options, faults);
    const { replyTo } = options;
    if (replyTo === undefined || topicProblem(replyTo) !== undefined) return;
    if (this.#publisher.families.of(replyTo) === undefined)
      faults.push({ field: 'replyTo', problem: this.#inNoFamily(replyTo) });
  }

  #checkTopics(
    topics: string | readonly string[],
    faults: FieldFault[],
    format: string | undefined,
  ): readonly string[] {
    if (typeof topics === 'string') return this.#checkTopic(topics, faults, format).alone;
    const named = deduplicate(topics);
    if (named.length === 0 || named.length > MAX_TOPICS) {
      const got = Array.isArray(topics) ? `${named.length} topics` : show(topics);
      faults.push({ field: 'topics', problem: `got ${got}: allowed is a topic, or an array of 1 to ${MAX_TOPICS}` });
    } else for (const topic of named) this.#checkTopic(topic, faults, format);
    return named;
  }

  #checkTopic(topic: string, faults: FieldFault[], format: string | undefined): KnownTopic {
    const known = this.#known(topic);
    if (known.problem !== undefined) faults.push({ field: 'topics', problem: known.problem });
    checkFormat(topic, known.family, faults, format);
    return known;
  }

  #known(topic: string): KnownTopic {
    let known = this.#topics.get(topic);
    if (known === undefined) {
      known = { ...this.#look(topic), alone: Object.freeze([topic]) };
      if (this.#topics.size >= MAX_KNOWN_TOPICS) this.#topics.clear();
      this.#topics.set(topic, known);
    }
    return known;
  }

  #look(topic: string): Omit<KnownTopic, 'alone'> {
    const { families, publishes, sender } = this.#publisher;
    const malformed = topicProblem(topic);
    if (malformed !== undefined) return { problem: malformed, family: undefined };
    if (isPlatformOnly(topic)) {
      return {
        problem: `got "${topic}": only the platform publishes there; agents are reached at $inbox.<agent>`,
        family: undefined,
      };
    }
    const family = families.of(topic);
    if (isReserved(topic)) return { problem: undefined, family };
    if (publishes !== undefined && !publishes.some((pattern) => matches(pattern, topic))) {
      const declared = publishes.length === 0 ? 'nothing' : publishes.join(', ');
      const problem = `got "${topic}": agent "${sender.id}" publishes ${declared}; add it to \`publishes\` in its definition`;
      return { problem, family };
    }
    if (family !== undefined) return { problem: undefined, family };
    return { problem: this.#inNoFamily(topic), family };
  }

  #inNoFamily(topic: string): string {
    const declared = this.#publisher.families.patterns.join(', ') || 'none';
    return `got "${topic}", which is in no topic family of the guild (${declared}): declare it in \`topics\`, or set allowUndeclared`;
  }
}

/** A family with formats takes no others. */
function checkFormat(
  topic: string,
  family: TopicFamily | undefined,
  faults: FieldFault[],
  format: string | undefined,
): void {
  if (family === undefined || family.formats.length === 0 || family.formats.some(({ name }) => name === format)) return;
  const allowed = family.formats.map(({ name }) => name).join(', ');
  faults.push({ field: 'format', problem: `got ${show(format)}: "${topic}" takes ${allowed} only` });
}

function isOptions(options: PublishOptions, faults: FieldFault[]): boolean {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return true;
  faults.push({ field: 'options', problem: `got ${show(options)}: allowed is an object` });
  return false;
}

/** A deadline can only come nearer on the way, and a budget is the root's to set (G2). */
function limits(parent: Message | undefined, options: PublishOptions): Partial<Message> {
  const deadlineAt = Math.min(
    parent?.deadlineAt ?? Number.POSITIVE_INFINITY,
    options.deadlineAt ?? Number.POSITIVE_INFINITY,
  );
  return {
    ...(Number.isFinite(deadlineAt) && { deadlineAt }),
    ...(parent?.budget !== undefined && { budget: parent.budget }),
  };
}

function deduplicate(topics: readonly string[]): readonly string[] {
  return Array.isArray(topics) ? Object.freeze([...new Set(topics)]) : NONE;
}

function encode(format: Format, payload: unknown, faults: FieldFault[]): Content {
  if (!isKnownFormat(format)) {
    faults.push({ field: 'format', problem: `got ${show(format)}: pass what defineFormat gave, or genericJson` });
    return UNENCODED;
  }
  try {
    const stored = encodeWith(format, payload);
    return { format: format.name, formatVersion: format.version, encoding: 'json', payload: stored };
  } catch (error) {
    if (error instanceof PayloadInvalidError) faults.push(...error.faults);
    else if (error instanceof GuildwireError) throw error;
    else
      faults.push({ field: 'payload', problem: `its format "${format.name}" threw ${show(error)}: mend the format` });
    return UNENCODED;
  }
}

/** Formats that were looked at before, since every publish asks. */
const knownFormats = new WeakSet<Format>();

function isKnownFormat(format: Format): boolean {
  if (typeof format === 'object' && format !== null && knownFormats.has(format)) return true;
  if (!isFormat(format)) return false;
  knownFormats.add(format);
  return true;
}

/** Stands in for a payload that was refused, until all faults are known. */
const UNENCODED: Content = { format: '', formatVersion: 0, encoding: 'json', payload: null };

function mergeSessionState(options: PublishOptions, parent: Message | undefined, faults: FieldFault[]): JsonObject {
  const inherited = parent?.sessionState ?? EMPTY;
  if (options.sessionState === undefined || messageRules.sessionState(options.sessionState) !== undefined)
    return inherited;
  const merged = { ...inherited, ...(copyJson(options.sessionState, 'sessionState', faults) as JsonObject) };
  const problem = messageRules.sessionState(merged);
  if (problem !== undefined)
    faults.push({ field: 'sessionState', problem: `with what travels along already ${problem}` });
  return Object.freeze(merged);
}
