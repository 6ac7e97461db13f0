/** Publish to handler on the memory backend: every publish awaited, every message handled before the clock stops. */
import {
  defineAgent,
  defineGuild,
  type Format,
  genericJson,
  type RunningGuild,
  silentLog,
  startGuild,
} from 'guildwire';
import { MessageFormat, message } from './message.ts';
import type { Case } from './rounds.ts';

const MESSAGES = 2_000;

export const read = { bytes: 0 };

export function memoryCases(): readonly Case[] {
  return [
    {
      name: 'JSON.stringify + parse',
      count: MESSAGES,
      run: (count) => {
        for (let n = 0; n < count; n++) read.bytes += (JSON.parse(JSON.stringify(message)) as typeof message).line;
      },
    },
    publishCase('1 subscriber', genericJson as Format, 1),
    publishCase('4 subscribers', genericJson as Format, 4),
    publishCase('1 subscriber, zod', MessageFormat as Format, 1),
    publishCase('4 subscribers, zod', MessageFormat as Format, 4),
  ];
}

function publishCase(name: string, format: Format, subscribers: number): Case {
  return {
    name,
    count: MESSAGES,
    run: async (count) => {
      await using bench = await open(format, subscribers, count * subscribers);
      for (let n = 0; n < count; n++) await bench.running.publish('bench', format, message as never);
      await bench.allHandled;
    },
  };
}

/** A fresh guild, so that no round carries the history of the rounds before. */
async function open(
  format: Format,
  subscribers: number,
  deliveries: number,
): Promise<AsyncDisposable & { readonly running: RunningGuild; readonly allHandled: Promise<void> }> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = deliveries;
  const agents = Array.from({ length: subscribers }, (_, index) =>
    defineAgent({
      name: `agent-${index}`,
      entry: import.meta.url,
      subscribes: ['bench'],
      concurrency: 100,
      handlers: (on) => [
        on(format, async () => {
          if (--left === 0) resolve();
        }),
      ],
    }),
  );
  const running = await startGuild(defineGuild({ name: 'bench', agents }), { backend: 'memory:', log: silentLog });
  return { running, allHandled: promise, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}
