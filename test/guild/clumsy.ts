import { type Agent, type Context, defineAgent, genericJson, type Json, type RunningGuild } from 'guildwire';
import { atOnce, turns } from './lab.ts';

export type Act = (context: Context<string>) => unknown;

/** An agent that does what it is told for the payload "bad", one delivery at a time, and keeps the others. */
export function clumsy(act: Act, options: Partial<Agent> = {}): { readonly agent: Agent; readonly handled: Json[] } {
  const handled: Json[] = [];
  const agent = defineAgent({
    name: 'clumsy',
    entry: import.meta.url,
    subscribes: ['a'],
    publishes: ['out'] as string[],
    concurrency: 1,
    retry: atOnce(1),
    handlers: (on) => [
      on.any((payload, context: Context<string>) => {
        if (payload === 'bad') return act(context) as Promise<void>;
        handled.push(payload);
      }),
    ],
  });
  return { agent: { ...agent, ...options }, handled };
}

/** Has a bad message handled, and then a good one. */
export async function handleBoth(running: RunningGuild): Promise<void> {
  await running.publish('a', genericJson, 'bad');
  await running.publish('a', genericJson, 'good');
  await turns(10);
}
