import {
  type Agent,
  type AgentOptions,
  type Context,
  defineAgent,
  genericJson,
  type Json,
  type RunningGuild,
} from 'guildwire';
import { atOnce } from '../../guild/lab.ts';

export type Act = (payload: Json, context: Context<string, typeof genericJson>) => void | Promise<void>;
type Options = Partial<Omit<AgentOptions<'worker', string, typeof genericJson>, 'name' | 'handlers'>>;

/** An agent that does what the test says with all that comes under `in`, and publishes to `out`; it has one attempt. */
export function worker(act: Act, options: Options = {}): Agent<'worker'> {
  const agent = defineAgent<'worker', string, typeof genericJson>({
    name: 'worker',
    entry: import.meta.url,
    subscribes: ['in'],
    publishes: ['out', 'now'],
    retry: atOnce(1),
    ...options,
    handlers: (on) => [on.any(act)],
  });
  return agent;
}

export const passesOn: Act = (payload, context) => context.publish('out', genericJson, payload);

/** Publishes each under `in`. */
export async function send(running: RunningGuild, ...payloads: readonly Json[]): Promise<void> {
  for (const payload of payloads) await running.publish('in', genericJson, payload);
}

export async function payloadsOf(running: RunningGuild, topic: string): Promise<readonly Json[]> {
  return (await running.read({ topic })).items.map(({ payload }) => payload);
}

/** Fails so often, and then never again. */
export function failing(times: number, error: () => unknown = () => new Error('not yet')): () => void {
  let left = times;
  return () => {
    if (left-- > 0) throw error();
  };
}
