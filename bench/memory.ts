/** Publish to handler on the memory backend: every publish awaited, every message handled before the clock stops. */
import {
  type AgentOptions,
  defineAgent,
  defineGuild,
  type Format,
  genericJson,
  type PublishOptions,
  type RunningGuild,
  silentLog,
  startGuild,
} from 'guildwire';
import { MessageFormat, message } from './message.ts';
import type { Case } from './rounds.ts';

const MESSAGES = 2_000;
const KEYS = Array.from({ length: 64 }, (_, n) => ({ key: `document-${n}` }));

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
    publishCase('exactly once', genericJson as Format, 1, { guarantee: 'exactly-once' }),
    publishCase('64 keys', genericJson as Format, 1, {}, KEYS),
    publishCase('64 keys, in their order', genericJson as Format, 1, { ordering: 'key' }, KEYS),
  ];
}

type Promises = Pick<AgentOptions<string, string, Format>, 'guarantee' | 'ordering'>;

function publishCase(
  name: string,
  format: Format,
  subscribers: number,
  promises: Promises = {},
  options: readonly PublishOptions[] = [],
): Case {
  return {
    name,
    count: MESSAGES,
    run: async (count) => {
      await using bench = await open(format, subscribers, count * subscribers, promises);
      for (let n = 0; n < count; n++)
        await bench.running.publish('bench', format, message as never, options[n % options.length]);
      await bench.allHandled;
    },
  };
}

/** A fresh guild, so that no round carries the history of the rounds before. */
async function open(
  format: Format,
  subscribers: number,
  deliveries: number,
  promises: Promises,
): Promise<AsyncDisposable & { readonly running: RunningGuild; readonly allHandled: Promise<void> }> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = deliveries;
  const agents = Array.from({ length: subscribers }, (_, index) =>
    defineAgent({
      name: `agent-${index}`,
      entry: import.meta.url,
      subscribes: ['bench'],
      concurrency: 100,
      ...promises,
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
