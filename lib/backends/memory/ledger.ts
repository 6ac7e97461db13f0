/** @module What a namespace tells of its work: how far a root is, what became of a message, what waits for whom. */
import type { Clock } from '../../core/clock.ts';
import { NotFoundError } from '../../core/errors.ts';
import type { GemstoneId } from '../../core/gemstone-id.ts';
import { type MessageKey, toReference } from '../../core/message.ts';
import type { AgentStats, Fate, Progress, ProgressWait } from '../backend.ts';
import type { MemoryNamespace } from './memory-namespace.ts';
import { fatesOf } from './message-fates.ts';
import type { Thread } from './thread.ts';

/** Waits for the end of the root's work, at most `waitMs`. */
export async function progress(
  namespace: MemoryNamespace,
  root: GemstoneId,
  { waitMs, timers }: ProgressWait,
  clock: Clock,
): Promise<Progress> {
  const isKnown = namespace.store.threads.get(root) !== undefined || namespace.store.copiesOf(root).length > 0;
  if (!isKnown) throw new NotFoundError(`root ${root}`);
  const thread = namespace.threadOf(root);
  const giveUpAt = clock.now() + waitMs;
  for (let leftMs = waitMs; leftMs > 0 && !thread.isSettled(timers); leftMs = giveUpAt - clock.now()) {
    if (await isCutShort(namespace, thread, leftMs, clock)) break;
  }
  return counts(namespace, thread);
}

/** Until the work may be done or the time is over; whether the backend was closed instead. */
async function isCutShort(namespace: MemoryNamespace, thread: Thread, waitMs: number, clock: Clock): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = clock.setTimer(waitMs, () => resolve(false));
  const unwatch = thread.watch(() => resolve(false));
  const onClose = (topic: string | undefined) => topic === undefined && resolve(true);
  namespace.watchers.add(onClose);
  const isClosed = await promise;
  namespace.watchers.delete(onClose);
  unwatch();
  timer.cancel();
  return isClosed;
}

function counts({ queues }: MemoryNamespace, thread: Thread): Progress {
  const places = { waiting: 0, running: 0, retrying: 0, delayed: 0, timers: 0 };
  if (thread.open > 0) {
    for (const queue of queues) {
      for (const [delivery, place] of queue.open()) if (delivery.thread === thread) places[place]++;
    }
  }
  const { handled, failed, halted } = thread;
  return { ...places, handled, failed, halted };
}

/** What became of a message under one topic. */
export function fates(namespace: MemoryNamespace, key: MessageKey): readonly Fate[] {
  const message = namespace.store.get(key);
  if (message === undefined) throw new NotFoundError(`message ${toReference(key)}`);
  if (namespace.undelivered.has(key.id)) return [];
  return namespace.queues
    .flatMap((queue) => fatesOf(queue, message))
    .toSorted((one, other) => (one.agent < other.agent ? -1 : one.agent > other.agent ? 1 : 0));
}

export function stats({ queues, deadLetters }: MemoryNamespace): readonly AgentStats[] {
  return queues
    .filter(({ subscription }) => subscription !== undefined)
    .map((queue) => ({
      agent: queue.agent,
      waiting: queue.waiting,
      dead: deadLetters.of(queue.agent).length,
      dropped: { ...queue.dropped },
      oldestAt: queue.oldestAt(),
      paused: queue.isPaused,
    }));
}
