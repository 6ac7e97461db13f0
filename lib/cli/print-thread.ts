/** @module Everything that descends from a root, printed while it is said. */
import type { Bus } from '../bus/bus.ts';
import type { GemstoneId } from '../core/gemstone-id.ts';
import { type Message, toReference } from '../core/message.ts';
import type { Io } from './io.ts';
import { toChatLine, toJsonLine } from './views/message-view.ts';

/** Begins at once; `end` prints what is there and not yet printed, and stops. */
export function printThread(bus: Bus, root: GemstoneId, io: Io): { readonly end: () => Promise<void> } {
  const stop = new AbortController();
  const printed = new Set<string>();
  const print = (message: Message) => {
    if (message.id === root || printed.has(toReference(message))) return;
    printed.add(toReference(message));
    io.line(io.isJson ? toJsonLine(message) : toChatLine(message, io));
  };
  const following = (async () => {
    for await (const message of bus.tail({ thread: root, since: root }, { signal: stop.signal })) print(message);
  })();
  return {
    end: async () => {
      stop.abort();
      await following;
      let after: Awaited<ReturnType<Bus['read']>>['next'];
      do {
        const page = await bus.read({ thread: root, limit: 1_000, ...(after !== undefined && { after }) });
        for (const message of page.items) print(message);
        after = page.next;
      } while (after !== undefined);
    },
  };
}
