/** @module Storing what is published: each draft in one write, under an id minted right before it, and never twice. */
import { createHash } from 'node:crypto';
import { PutItemCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { BackendUnavailableError, GuildwireError, IdempotencyConflictError } from '../../../core/errors.ts';
import { type GemstoneId, timeOf } from '../../../core/gemstone-id.ts';
import type { Draft, Message } from '../../../core/message.ts';
import type { Outcome } from '../../backend.ts';
import { isOrderedTopic } from '../aws-settings.ts';
import type { Attributes } from '../calls/attribute-values.ts';
import type { AwsCalls } from '../calls/aws-calls.ts';
import { failureKind, refusal, unavailable } from '../calls/aws-errors.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';
import { Slots } from '../calls/slots.ts';
import { Turns } from '../calls/turns.ts';
import type { Attachments } from './attachments.ts';
import { readGuard } from './guards.ts';
import { isDirect, isOwn, itemToMessage } from './item.ts';
import { type MintedDraft, Preparation, type PreparedDraft, type ReadyDraft, toPut } from './prepared.ts';
import type { TopicNames } from './topic-names.ts';
import { type Obstacle, obstacleOf } from './write-obstacle.ts';

export type Appended = Outcome<{ readonly id: GemstoneId; readonly duplicate: boolean }>;

/** What one call stores and hands on to who follows its topics. */
export interface DirectBatch {
  /**
   * Whether it hands on a copy of a family that is relayed directly. Not one that nobody gets, as far as is known here: the
   * deployment may have got an agent since that follows it.
   */
  handsOn(copy: Message): boolean;
  /** Why it is not known of all of them whether they were handed on; undefined if they were. */
  publish(items: readonly Attributes[]): Promise<GuildwireError | undefined>;
  /** There will be no more: what waits for company goes. */
  close(): void;
}

type RelayedBy = 'relay' | 'publisher';
/** `direct` are copies that are to be handed on. */
type Stored = Outcome<{ readonly id: GemstoneId; readonly duplicate: boolean; readonly direct: readonly Attributes[] }>;

export interface LogWriterOptions {
  readonly calls: AwsCalls;
  readonly dynamodb: DynamoDBCalls;
  readonly attachments: Attachments;
  readonly topicNames: TopicNames;
  /** For families that are relayed directly. @default - they are relayed from the log like all others */
  readonly openDirectBatch?: () => DirectBatch;
}

const MAX_IN_FLIGHT = 25;
const TRY_MS = 1_500;
/** An id is not put when it is older: who follows the log is past it a few seconds later. */
const MAX_ID_AGE_MS = 3_000;

export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #preparation: Preparation;
  readonly #slots = new Slots(MAX_IN_FLIGHT);
  readonly #turns = new Turns();
  #asking: Promise<void> | undefined;

  constructor(options: LogWriterOptions) {
    this.#options = options;
    this.#preparation = new Preparation(options.calls, options.attachments);
  }

  /**
   * As `MessageLog.append`. Rejects with `BackendUnavailableError` only if nothing of it was stored and handed on, as far as is
   * known.
   *
   * @param relayedBy Who hands on copies of families that are relayed directly: what an attempt of an agent decided takes the
   *   relay, so that the attempt ends with the writing of it.
   */
  async append(drafts: readonly Draft[], nonce: string, relayedBy: RelayedBy = 'publisher'): Promise<Appended[]> {
    const direct = relayedBy === 'publisher' ? this.#options.openDirectBatch?.() : undefined;
    const stored = drafts.map((draft, index) =>
      this.#turns.run(this.#turnsOf(draft), () => this.#storeOne(draft, nonce, index, direct)),
    );
    const handedOn = Promise.all(stored.map(async (each) => handOn(await each, direct)));
    // What waits for company does not wait for a draft that was not stored.
    if (direct !== undefined) void Promise.allSettled(stored).then(() => direct.close());
    const outcomes = await handedOn;
    const [first] = outcomes;
    const isOut = outcomes.every((outcome) => !outcome.ok && outcome.error instanceof BackendUnavailableError);
    if (isOut && first?.ok === false) throw first.error;
    return outcomes;
  }

  /**
   * Drafts as entries of a transaction of the caller's, their large payloads set aside and their ids minted now. To be put
   * within two seconds, and prepared anew for every later try.
   *
   * @throws PayloadTooLargeError, InvalidMessageError, ClockSkewError, BackendUnavailableError
   */
  async prepare(drafts: readonly Draft[], nonce: string = crypto.randomUUID()): Promise<readonly PreparedDraft[]> {
    const ready = await Promise.all(drafts.map((draft, index) => this.#preparation.ready(draft, nonce, index)));
    const [first] = ready;
    if (first !== undefined) await this.#knowTime(first.message.namespace);
    return ready.map((each) => this.#preparation.entries(each, this.#preparation.mint(each)));
  }

  /** See `itemToMessage` of the item codec. */
  itemToMessage(item: Attributes): Message {
    return itemToMessage(item);
  }

  async #storeOne(draft: Draft, nonce: string, index: number, direct: DirectBatch | undefined): Promise<Stored> {
    try {
      const ready = await this.#preparation.ready(draft, nonce, index, direct?.handsOn);
      const stored = await this.#slots.run(() => this.#store(ready));
      for (const topic of draft.message.topics) this.#options.topicNames.noteUsed(draft.message.namespace, topic);
      return stored;
    } catch (error) {
      if (error instanceof GuildwireError) return { ok: false, error };
      throw error;
    }
  }

  async #store(ready: ReadyDraft): Promise<Stored> {
    const { calls } = this.#options;
    await this.#knowTime(ready.message.namespace);
    const deadlineAt = calls.deadline();
    const mint = () => this.#preparation.mint(ready);
    let minted = mint();
    /** Whether a try came to no answer, so that it may have stored the message all the same. */
    let isOpen = false;
    for (let tries = 0; ; tries++) {
      try {
        await this.#write(ready, minted, deadlineAt);
        return await this.#stored(ready, minted.items, minted.id, false);
      } catch (error) {
        if (error instanceof GuildwireError) throw error;
        const obstacle = obstacleOf(error);
        const found = this.#found(ready, minted, obstacle);
        if (found !== undefined) return found;
        const { messagesTable } = calls.settings;
        const isTaken = obstacle?.kind === 'taken';
        const kind = isTaken || obstacle?.kind === 'busy' ? 'rejected' : failureKind(error);
        if (kind === 'refused') throw refusal(error, ACTION, messagesTable);
        isOpen ||= kind === 'unknown';
        if (!(await calls.waitToRepeat(tries, deadlineAt))) throw unavailable(error, ACTION, messagesTable);
        const isLate = calls.time.now() - timeOf(minted.id) > MAX_ID_AGE_MS;
        if (isLate && isOpen && ready.guard === undefined) throw unavailable(error, ACTION, messagesTable);
        if (isLate || isTaken) minted = mint();
      }
    }
  }

  /** One write. One copy without a guard is a Put, which costs half of a transaction. */
  async #write(ready: ReadyDraft, minted: MintedDraft, deadlineAt: number): Promise<void> {
    const { calls, dynamodb } = this.#options;
    const about = { action: ACTION, resource: calls.settings.messagesTable, deadlineAt, tryMs: TRY_MS };
    const [item] = minted.items;
    if (ready.guard === undefined && minted.items.length === 1 && item !== undefined) {
      await dynamodb.try(new PutItemCommand(toPut(calls.settings.messagesTable, item)), about);
      return;
    }
    const { puts, guard } = this.#preparation.entries(ready, minted);
    const command = new TransactWriteItemsCommand({
      TransactItems: [...puts, ...(guard === undefined ? [] : [guard])],
      ClientRequestToken: tokenOf(ready, minted),
    });
    await dynamodb.try(command, about);
  }

  /** What an obstacle says about the draft; undefined if it has to be tried again. */
  #found(ready: ReadyDraft, minted: MintedDraft, obstacle: Obstacle | undefined): Promise<Stored> | undefined {
    if (obstacle?.kind !== 'taken') return undefined;
    const { guard, nonce, draft } = ready;
    if (guard !== undefined && obstacle.row !== undefined) {
      const { kind, id } = readGuard(guard, obstacle.row, nonce);
      if (kind === 'conflict') throw new IdempotencyConflictError(draft.message.idempotencyKey ?? '');
      return this.#stored(ready, undefined, id, kind === 'duplicate');
    }
    const isStored = obstacle.items.some((item) => isOwn(item, nonce));
    return isStored ? this.#stored(ready, minted.items, minted.id, false) : undefined;
  }

  /** @param items Undefined if they have to be read: an earlier call may not have come to hand them on. */
  async #stored(
    ready: ReadyDraft,
    items: readonly Attributes[] | undefined,
    id: GemstoneId,
    duplicate: boolean,
  ): Promise<Stored> {
    const direct = ready.direct.size === 0 ? [] : (items ?? (await this.#itemsOf(ready, id))).filter(isDirect);
    return { ok: true, id, duplicate, direct };
  }

  #itemsOf(ready: ReadyDraft, id: GemstoneId): Promise<readonly Attributes[]> {
    const { calls, dynamodb } = this.#options;
    return dynamodb.batchGet(calls.settings.messagesTable, this.#preparation.keysOf(ready, id));
  }

  /** Before the first id is minted, the clock of AWS has to be known: any answer tells it, a refusal too. */
  async #knowTime(namespace: string): Promise<void> {
    const { calls, dynamodb } = this.#options;
    if (calls.time.isKnown) return;
    this.#asking ??= dynamodb.askTime(calls.settings.messagesTable, namespace).finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
  }

  /**
   * What a draft shares with others so that they are stored one after the other: an idempotency key, of which the first one
   * stands; the key of an ordered topic, whose messages are handed on as they are stored; and a request, whose first answer is
   * the one that counts.
   */
  #turnsOf({ message, effect }: Draft): readonly string[] {
    const { namespace, idempotencyKey, topics, key = message.conversationId ?? message.thread[0] } = message;
    const guard = effect ?? idempotencyKey;
    const isOrdered = topics.some((topic) => isOrderedTopic(this.#options.calls.settings, topic));
    const replies = topics.filter((topic) => topic.startsWith('$reply.'));
    return [
      ...replies.map((topic) => JSON.stringify(['reply', namespace, topic])),
      ...(guard === undefined ? [] : [JSON.stringify(['guard', namespace, guard])]),
      ...(isOrdered && key !== undefined ? [JSON.stringify(['key', namespace, key])] : []),
    ];
  }
}

const ACTION = 'dynamodb:PutItem';

async function handOn(stored: Stored, batch: DirectBatch | undefined): Promise<Appended> {
  if (!stored.ok) return stored;
  const { ok, id, duplicate, direct } = stored;
  const error = direct.length === 0 ? undefined : await batch?.publish(direct);
  return error === undefined ? { ok, id, duplicate } : { ok: false, error };
}

/** The same for the same items, so that a transaction that came through without an answer is not done again. */
function tokenOf({ nonce }: ReadyDraft, { id }: MintedDraft): string {
  return createHash('sha256').update(nonce).update(id).digest('hex').slice(0, 36);
}
