/** @module Publishing: one message, or a batch with one outcome each. */

import * as z from 'zod/mini';
import type { Bus, PublishEntry, PublishOutcome } from '../../bus/bus.ts';
import type { PublishOptions } from '../../bus/publish-options.ts';
import { GuildwireError, InvalidArgumentError, InvalidMessageError } from '../../core/errors.ts';
import type { Format } from '../../core/format.ts';
import type { GemstoneId } from '../../core/gemstone-id.ts';
import { show } from '../../core/show.ts';
import { toProblem } from '../problems.ts';
import { defineRoute, toJson } from '../route.ts';
import { Outcomes, Stored } from '../schemas/answers.ts';
import { faultsOf } from '../schemas/faults.ts';
import { closed, idempotencyKey, namespace, topic } from '../schemas/fields.ts';
import { carriedFaults, MAX_BATCH, NewMessage, Published } from '../schemas/new-message.ts';
import type { Services } from '../services.ts';
import { messagePath } from './messages.ts';

const KEY = 'idempotency-key';

export const publish = defineRoute({
  id: 'publish',
  method: 'POST',
  path: '/v1/namespaces/{namespace}/topics/{topic}/messages',
  tag: 'messages',
  summary: 'Publish one message, or up to 100',
  description:
    'Answered as soon as the messages are stored: from then on they reach every active subscription. In a batch one that is refused does not keep the others back. A large payload may be uploaded first, and the message then names it as its attachment.',
  needs: 'publish',
  params: closed({ namespace, topic }),
  query: closed({}),
  headers: { 'Idempotency-Key': idempotencyKey },
  body: Published,
  checksBody: true,
  answers: {
    202: {
      description: 'Stored. For an array: one outcome for each message.',
      schema: z.union([Stored, Outcomes]),
      headers: { Location: 'Where the message is; only for a single one.' },
    },
  },
  problems: [400, 409, 413, 415, 422, 501],
  run: async ({ services, principal, params, body, header }) => {
    const bus = services.buses.of(params.namespace, principal);
    const given: unknown = body;
    if (!Array.isArray(given)) {
      const entry = await toEntry(services, params, withKey(given, header(KEY)));
      const { id, duplicate } = await publishOne(bus, entry);
      const location = messagePath(params.namespace, params.topic, id);
      return { status: 202, body: `{"id":"${id}","duplicate":${duplicate}}`, headers: { location } };
    }
    refuseMalformedBatch(given, header(KEY), services.backend.features.maxPayloadBytes);
    const entries: (PublishEntry | GuildwireError)[] = [];
    for (const message of given) entries.push(await tried(() => toEntry(services, params, message)));
    const valid = entries.filter((entry): entry is PublishEntry => !(entry instanceof GuildwireError));
    const outcomes = valid.length === 0 ? [] : await bus.publishMany(valid);
    let next = 0;
    const all = entries.map(
      (entry): PublishOutcome =>
        entry instanceof GuildwireError ? { ok: false, error: entry } : (outcomes[next++] as PublishOutcome),
    );
    return toJson(202, { outcomes: all.map(toOutcome) });
  },
});

async function publishOne(
  bus: Bus,
  entry: PublishEntry,
): Promise<{ readonly id: GemstoneId; readonly duplicate: boolean }> {
  const { topics, format, payload, options } = entry;
  // Only what has a key can have been there before, and this way is the shorter one.
  if (options?.idempotencyKey === undefined)
    return { id: await bus.publish(topics, format, payload, options), duplicate: false };
  const [outcome] = await bus.publishMany([entry]);
  if (outcome?.ok) return outcome;
  throw outcome?.error ?? new Error('the bus gave no outcome');
}

/**
 * A payload that was uploaded is read here, so that it is checked and stored as any other.
 *
 * @throws InvalidMessageError with every fault; what `uploads` of the backend throws.
 */
async function toEntry(
  { formats, backend }: Services,
  { namespace, topic: named }: { readonly namespace: string; readonly topic: string },
  message: unknown,
): Promise<PublishEntry> {
  const checked = NewMessage.safeParse(message);
  const faults = [...carriedFaults(message), ...(checked.success ? [] : faultsOf(checked.error))];
  if (!checked.success || faults.length > 0) throw new InvalidMessageError(faults);
  const { payload: given, attachment, format, formatVersion, topics = [], ...options } = checked.data;
  const payload = attachment === undefined ? given : await backend.uploads.payload(namespace, attachment);
  const all: readonly [string, ...string[]] = [named, ...topics];
  const known = formats.of(all, format, formatVersion) as Format<string, unknown>;
  return {
    topics: topics.length === 0 ? named : all,
    format: known,
    payload,
    options: options as PublishOptions,
  } as PublishEntry;
}

/** The key of the header, as if it stood in the message. */
function withKey(message: unknown, key: string | null): unknown {
  if (key === null || typeof message !== 'object' || message === null) return message;
  const { idempotencyKey: own } = message as { readonly idempotencyKey?: unknown };
  if (own === undefined || own === key) return { ...message, idempotencyKey: key };
  const problem = `the header says another than the message, which says ${show(own)}: give one of them`;
  throw new InvalidMessageError([{ field: 'Idempotency-Key', problem }]);
}

function refuseMalformedBatch(batch: readonly unknown[], key: string | null, maxAttached: number): void {
  if (batch.length > MAX_BATCH) {
    const problem = `got ${batch.length} messages: allowed are at most ${MAX_BATCH}`;
    throw new InvalidArgumentError([{ field: 'body', problem }]);
  }
  const attached = batch.reduce<number>((sum, message) => sum + attachedBytes(message), 0);
  if (batch.length > 1 && attached > maxAttached) {
    const problem = `names attachments of ${attached} bytes: allowed are ${maxAttached} at once; publish fewer`;
    throw new InvalidArgumentError([{ field: 'body', problem }]);
  }
  if (key === null) return;
  const problem = 'belongs to a single message: give each message of a batch its own idempotencyKey';
  throw new InvalidArgumentError([{ field: 'Idempotency-Key', problem }]);
}

function attachedBytes(message: unknown): number {
  const { attachment } = (message ?? {}) as { readonly attachment?: { readonly bytes?: unknown } | null };
  // Nothing that is no size may make up for one that is: each message is looked at later.
  return typeof attachment?.bytes === 'number' ? Math.max(0, attachment.bytes) : 0;
}

async function tried<T>(work: () => Promise<T>): Promise<T | GuildwireError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof GuildwireError) return error;
    throw error;
  }
}

const toOutcome = (outcome: PublishOutcome) =>
  outcome.ok
    ? { ok: true, id: outcome.id, duplicate: outcome.duplicate }
    : { ok: false, problem: toProblem(outcome.error) };
