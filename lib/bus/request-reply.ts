/** @module Asking over the bus: the answer comes under a topic that nobody subscribes to, and is read from the log (R1). */
import type { Backend, Cursor } from '../backends/backend.ts';
import { AskAgain } from '../core/ask-again.ts';
import type { Clock } from '../core/clock.ts';
import { type FieldFault, InvalidArgumentError, RemoteError, RequestTimeoutError } from '../core/errors.ts';
import { type Format, isFormat, type OutputOf } from '../core/format.ts';
import type { GemstoneId } from '../core/gemstone-id.ts';
import { type Message, parseReference } from '../core/message.ts';
import { durationRule } from '../core/message-rules.ts';
import { show } from '../core/show.ts';
import type { PublishOptions } from './publish-options.ts';

/** A request is a message too: publish options but those that the request needs for itself. */
export interface RequestOptions<R extends Format>
  extends Omit<PublishOptions, 'replyTo' | 'idempotencyKey' | 'delayMs'> {
  /** The format of the answer. */
  readonly reply: R;
  /** How long to wait for it. */
  readonly timeoutMs: number;
  /** Gives the wait up; the request itself is not taken back. */
  readonly signal?: AbortSignal;
}

export interface ReplyWait<R extends Format> extends Pick<RequestOptions<R>, 'reply' | 'timeoutMs' | 'signal'> {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly namespace: string;
  readonly topic: string;
  /** The request that is answered. */
  readonly id: GemstoneId;
  /** Told of an answer to something else. */
  readonly onForeign: () => void;
}

/** The options of a request, apart: what is about the answer, and what is about the message. */
export function splitOptions<R extends Format>(
  options: RequestOptions<R>,
): readonly [Pick<RequestOptions<R>, 'reply' | 'timeoutMs' | 'signal'>, PublishOptions] {
  const { reply, timeoutMs, signal, ...publish } = options;
  const faults: FieldFault[] = [];
  if (!isFormat(reply)) faults.push({ field: 'reply', problem: `got ${show(reply)}: pass what defineFormat gave` });
  const problem = durationRule(timeoutMs);
  if (problem !== undefined) faults.push({ field: 'timeoutMs', problem });
  if (faults.length > 0) throw new InvalidArgumentError(faults);
  return [{ reply, timeoutMs, ...(signal !== undefined && { signal }) }, publish];
}

/**
 * The first answer, decoded; one that came before this was called is found as well.
 *
 * @throws RequestTimeoutError, RemoteError, PayloadInvalidError, or the reason of the signal.
 */
export async function awaitReply<R extends Format>(wait: ReplyWait<R>): Promise<OutputOf<R>> {
  const { backend, clock, namespace, topic, timeoutMs, signal } = wait;
  const giveUpAt = clock.now() + timeoutMs;
  const query = {
    namespace,
    where: { topic },
    order: 'arrival',
    limit: 10,
    ...(signal !== undefined && { signal }),
  } as const;
  const again = new AskAgain(clock);
  let after: Cursor | undefined;
  for (;;) {
    signal?.throwIfAborted();
    again.asking();
    const waitMs = Math.max(0, giveUpAt - clock.now());
    const page = await backend.read({ ...query, waitMs, ...(after !== undefined && { after }) });
    for (const message of page.items) {
      if (answers(message, wait.id)) return resultOf(message, wait.reply);
      wait.onForeign();
    }
    after = page.next ?? after;
    const lateMs = clock.now() - giveUpAt;
    if (lateMs > 0 || (lateMs === 0 && page.items.length === 0)) break;
    if (page.items.length > 0) again.gotSomething();
    else await again.gotNothing(signal);
  }
  signal?.throwIfAborted();
  throw new RequestTimeoutError(timeoutMs);
}

/** Whether the message answers the request of that id. */
export function answers({ inReplyTo }: Message, id: GemstoneId): boolean {
  return inReplyTo !== undefined && parseReference(inReplyTo).id === id;
}

function resultOf<R extends Format>(message: Message, reply: R): OutputOf<R> {
  if (message.status !== 'error') return reply.decode(message.payload) as OutputOf<R>;
  const { code, message: text } = (message.payload ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  throw new RemoteError(message.sender.id, String(code ?? 'UNKNOWN'), String(text ?? 'no reason was given'));
}
