import { setTimeout as sleep } from 'node:timers/promises';
import { type Bus, GuildwireError, type PublishEntry } from 'guildwire';
import { Task } from './guild.ts';

/** A multiple of what makes a document. */
const BATCH = 40;
const AGAIN_MS = 100;
const TEXT = 'Every word of this is read by one of four, and none of them is told twice. '.repeat(4);

export interface Published {
  /** Numbers of the tasks that the store has taken. */
  readonly accepted: Set<number>;
  /** Calls that had to be repeated, under the same keys. */
  repeated: number;
}

/**
 * Publishes tasks until `isOver`; what fails is repeated under the same key, so a task is accepted once.
 *
 * @param hasRoom Resolves when more may wait.
 * @param signal Aborts when nobody waits for it any more.
 */
export async function publishTasks(
  bus: Bus,
  published: Published,
  isOver: () => boolean,
  hasRoom: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  for (let next = 0; !isOver() && !signal.aborted; next += BATCH) {
    await hasRoom();
    let open = Array.from({ length: BATCH }, (_, index) => next + index);
    while (open.length > 0 && !signal.aborted) {
      const entries = open.map(
        (n): PublishEntry<typeof Task> => ({
          topics: 'tasks',
          format: Task,
          payload: { n, text: TEXT },
          options: { idempotencyKey: `task-${n}` },
        }),
      );
      const outcomes = await bus.publishMany(entries).catch((error) => {
        if (error instanceof GuildwireError && error.retryable) return open.map(() => ({ ok: false, error }) as const);
        throw error;
      });
      const failed: number[] = [];
      for (const [index, n] of open.entries()) {
        const outcome = outcomes[index];
        if (outcome?.ok) published.accepted.add(n);
        else if (outcome?.error.retryable === true) failed.push(n);
        else throw outcome?.error ?? new Error('there is no outcome');
      }
      open = failed;
      if (failed.length === 0) continue;
      published.repeated++;
      await sleep(AGAIN_MS);
    }
  }
}
