/** @module A server as what a command works on. */
import { createClient } from '../http/client/create-client.ts';
import type { Target } from './remote.ts';

export interface ServerPlace {
  readonly url: string;
  readonly namespace: string;
  readonly token: string | undefined;
  readonly isLocal: boolean;
}

/** Connects with the first call. */
export function openServer({ url, namespace, token, isLocal }: ServerPlace): Target {
  const client = createClient({ url, namespace, ...(token !== undefined && { token }) });
  return {
    where: url,
    isLocal,
    namespace,
    bus: client,
    agents: async () =>
      (await client.agents()).items.map(
        ({ agent, subscribes = [], publishes = [], formats = [], waiting, dead, paused }) => ({
          name: agent,
          subscribes,
          publishes,
          formats,
          waiting,
          dead,
          paused,
        }),
      ),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}
