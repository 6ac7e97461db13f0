/** @module Says what is left to do of a root, for errors of tests. */
import type { Bus } from '../bus/bus.ts';
import type { GemstoneId } from '../core/gemstone-id.ts';
import { type Message, toReference } from '../core/message.ts';

/** Messages that are looked at, newest first. */
const MAX_MESSAGES = 500;
const OPEN: ReadonlySet<string> = new Set(['waiting', 'running', 'retrying']);

/** One sentence for each delivery that has not ended, the newest messages first. */
export async function pendingOf(bus: Bus, root: GemstoneId, now: number): Promise<readonly string[]> {
  const { items } = await bus.read({ thread: root, order: 'desc', limit: MAX_MESSAGES });
  const pending: string[] = [];
  for (const message of items) {
    for (const { agent, verdict, attempts } of await bus.explain(message)) {
      if (OPEN.has(verdict)) pending.push(`${agent} ${toReference(message)} ${stand(message, verdict, attempts, now)}`);
    }
  }
  return pending;
}

function stand({ deliverAt = 0 }: Message, verdict: string, attempts: number, now: number): string {
  if (verdict === 'running') return `is being handled, attempt ${attempts}`;
  if (verdict === 'retrying') return `failed ${attempts} times and is to be tried again`;
  return deliverAt > now ? `is due in ${deliverAt - now} ms` : 'waits';
}
