/** @module The way of each message through a rehearsed stack, hop by hop, as calls and invocations tell it. */
import { type GemstoneId, isGemstoneId, timeOf } from '../../core/gemstone-id.ts';
import type { EndedInvocation } from '../../rehearsal/functions/invocation.ts';
import type { ServiceCall } from '../../rehearsal/proxy/faults.ts';

/** Times are ms. */
export interface Delivery {
  readonly topic: string;
  readonly id: GemstoneId;
  /** Who had it. */
  readonly agent: string;
  /** From the id, so from when it was about to be stored, until the relay had it. */
  readonly streamMs: number | undefined;
  /** Until the relay published it to SNS. */
  readonly relayMs: number | undefined;
  /** Until the agent's function had it. */
  readonly queueMs: number | undefined;
  /** Until the function had done its batch, the start of its process left out. */
  readonly handlerMs: number;
  /** How long its process took to start; undefined if it was there. */
  readonly coldMs: number | undefined;
  /** From the id until the batch was done. */
  readonly totalMs: number;
  /** Unix ms of the id. */
  readonly storedAt: number;
  /** It comes again. */
  readonly failed: boolean;
}

interface Place {
  readonly topic: string;
  readonly id: GemstoneId;
}

interface Taken extends Place {
  readonly by: EndedInvocation;
  readonly failed: boolean;
}

/** Hears everything while the rehearsal runs. */
export class Hops {
  readonly #agentOf: (functionName: string) => string | undefined;
  /** Messages by topic and id: when they came out of the stream, and when they went to SNS. */
  readonly #stored = new Map<string, Place>();
  readonly #streamed = new Map<string, number>();
  readonly #relayed = new Map<string, number>();
  readonly #taken: Taken[] = [];

  /** @param agentOf The agent that a function hosts. */
  constructor(agentOf: (functionName: string) => string | undefined) {
    this.#agentOf = agentOf;
  }

  called({ service, operation, body }: ServiceCall): void {
    if (service !== 'sns' || !operation.startsWith('Publish')) return;
    const now = Date.now();
    for (const place of placesInForm(body.toString('latin1'))) keep(this.#relayed, place, now);
  }

  ended(by: EndedInvocation): void {
    const isAgent = this.#agentOf(by.functionName) !== undefined;
    const failed = isAgent ? failedIn(by) : new Set();
    for (const record of recordsIn(by)) {
      const stored = placeInStream(record);
      if (stored !== undefined) {
        this.#stored.set(nameOf(stored), stored);
        keep(this.#streamed, stored, by.startedAt);
      }
      const taken = isAgent ? placeInQueue(record) : undefined;
      if (taken !== undefined)
        this.#taken.push({ ...taken, by, failed: failed === 'all' || failed.has(record.messageId) });
    }
  }

  /** Everything that came out of the stream of the log, in the order of the ids. */
  get messages(): readonly Place[] {
    return [...this.#stored.values()].toSorted((one, other) => (one.id < other.id ? -1 : 1));
  }

  /** One for each time that an agent's function had a message, in the order in which they were done. */
  get deliveries(): readonly Delivery[] {
    return this.#taken.map(({ topic, id, by, failed }) => {
      const name = nameOf({ topic, id });
      const storedAt = timeOf(id);
      const streamedAt = this.#streamed.get(name);
      const relayedAt = this.#relayed.get(name);
      const coldMs = by.initMs === undefined ? undefined : Math.round(by.initMs);
      return {
        topic,
        id,
        agent: this.#agentOf(by.functionName) ?? by.functionName,
        streamMs: between(storedAt, streamedAt),
        relayMs: between(streamedAt, relayedAt),
        queueMs: between(relayedAt ?? streamedAt, by.startedAt),
        handlerMs: Math.round(by.durationMs),
        coldMs,
        totalMs: Math.max(0, Math.round(by.startedAt + (by.initMs ?? 0) + by.durationMs - storedAt)),
        storedAt,
        failed,
      };
    });
  }
}

interface EventRecord {
  readonly body?: string;
  readonly messageId?: string;
  readonly dynamodb?: {
    readonly Keys?: { readonly pk?: { readonly S?: string }; readonly sk?: { readonly S?: string } };
  };
}

/** Of events that are made by hand as well, which may hold anything. */
function recordsIn({ event }: EndedInvocation): readonly EventRecord[] {
  const { Records } = (JSON.parse(event) ?? {}) as { readonly Records?: unknown };
  return Array.isArray(Records) ? Records.filter((record) => typeof record === 'object' && record !== null) : [];
}

const nameOf = ({ topic, id }: Place) => `${topic}/${id}`;
const between = (from: number | undefined, until: number | undefined) =>
  from === undefined || until === undefined ? undefined : Math.max(0, until - from);

/** What comes again leaves the first time as it was. */
function keep(times: Map<string, number>, place: Place, at: number): void {
  const name = nameOf(place);
  if (!times.has(name)) times.set(name, at);
}

function placeInStream({ dynamodb }: EventRecord): Place | undefined {
  const [, topic] = dynamodb?.Keys?.pk?.S?.split('#') ?? [];
  const id = dynamodb?.Keys?.sk?.S;
  return topic === undefined || !isGemstoneId(id) ? undefined : { topic, id };
}

function placeInQueue({ body }: EventRecord): Place | undefined {
  try {
    const { topic, id } = JSON.parse(body ?? '') as { readonly topic?: unknown; readonly id?: unknown };
    return typeof topic === 'string' && isGemstoneId(id) ? { topic, id } : undefined;
  } catch {
    return undefined;
  }
}

/** `"topic":"…","id":"…","epoch"` in the text of a form. */
function placesInForm(form: string): readonly Place[] {
  const found = form.matchAll(/%22topic%22%3A%22([^&]*?)%22%2C%22id%22%3A%22([0-9A-Z]{26})%22%2C%22epoch%22/g);
  return [...found].flatMap(([, topic = '', id]) =>
    isGemstoneId(id) ? [{ topic: decodeURIComponent(topic), id }] : [],
  );
}

/** Ids of the queue's messages that the function did not acknowledge. */
function failedIn({ functionError, payload }: EndedInvocation): ReadonlySet<unknown> | 'all' {
  if (functionError !== undefined) return 'all';
  const { batchItemFailures = [] } = (JSON.parse(payload) ?? {}) as {
    readonly batchItemFailures?: readonly { readonly itemIdentifier: string }[];
  };
  return new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
}
