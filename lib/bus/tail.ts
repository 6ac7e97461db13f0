/** @module Following the log: every message as it is stored, none skipped and none twice (H2). */
import type { Backend, Cursor } from '../backends/backend.ts';
import { AskAgain } from '../core/ask-again.ts';
import type { Clock } from '../core/clock.ts';
import { timeOf } from '../core/gemstone-id.ts';
import { type Message, parseReference, toReference } from '../core/message.ts';
import { type TailQuery, toReadQuery } from './history-query.ts';

/** How long one call waits for something new before it is made again. */
const WAIT_MS = 20_000;

export async function* tail(
  backend: Backend,
  clock: Clock,
  namespace: string,
  query: TailQuery,
  signal: AbortSignal | undefined,
): AsyncGenerator<Message, void, undefined> {
  const { features } = backend;
  const { since = clock.now() } = query;
  const base = { ...toReadQuery(namespace, { ...query, since }), order: 'arrival', waitMs: WAIT_MS } as const;
  const shown = new Set<string>();
  let after: Cursor | undefined;
  const again = new AskAgain(clock);
  while (!signal?.aborted) {
    again.asking();
    let isNew = false;
    const page = await backend.read({ ...base, ...(after !== undefined && { after }), ...(signal && { signal }) });
    for (const message of page.items) {
      const reference = toReference(message);
      if (shown.has(reference)) continue;
      // Only a store that lets late writers in gives a message twice.
      if (features.tailHorizonMs > 0) shown.add(reference);
      isNew = true;
      yield message;
    }
    if (isNew) again.gotSomething();
    else await again.gotNothing(signal);
    forgetOlder(shown, clock.now() - 2 * features.tailHorizonMs);
    after = page.next ?? after;
  }
}

/** What is too old to be read again needs no remembering. */
function forgetOlder(shown: Set<string>, before: number): void {
  for (const reference of shown) {
    if (timeOf(parseReference(reference).id) >= before) return;
    shown.delete(reference);
  }
}
