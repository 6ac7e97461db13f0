import {
  type Agent,
  type Context,
  defineAgent,
  defineGuild,
  effectiveKey,
  type Guild,
  genericJson,
  type Json,
  PermanentError,
  RetryLater,
} from 'guildwire';
import { deliveryOf } from './observer.ts';
import { type Act, type AgentPlan, actOf, type Output, type Payload, type Plan, TIMEOUT_MS } from './plan.ts';

type Ctx = Context<string, typeof genericJson>;

/** What handlers did, as they saw it. */
export class Runs {
  readonly starts = new Map<string, number>();
  /** Deliveries that were started past their deadline. */
  readonly late: string[] = [];
  readonly finished = new Set<string>();
}

export function plannedGuild(plan: Plan, runs: Runs): Guild {
  const agents = plan.agents.map((agent) => plannedAgent(plan, agent, runs));
  return defineGuild({ name: 'planned', agents, topics: { '*.*': {} } });
}

function plannedAgent(plan: Plan, agent: AgentPlan, runs: Runs): Agent {
  const { name, patterns, guarantee, ordering, concurrency, attempts, isTagged, hasState } = agent;
  const handle = (payload: Json, context: Ctx): void | Promise<void> => {
    const delivery = deliveryOf(name, context.message);
    runs.starts.set(delivery, (runs.starts.get(delivery) ?? 0) + 1);
    if ((context.message.deadlineAt ?? Number.POSITIVE_INFINITY) <= context.now()) runs.late.push(delivery);
    const act = actOf(plan, agent, context.message.topic, payload as Payload);
    const isFailing = act.how === 'permanent' ? act.failures > 0 : context.attempt <= act.failures;
    const end = () => {
      publish(act, payload as Payload, context);
      if (isFailing) fail(act);
      runs.finished.add(delivery);
    };
    const sleepMs = isFailing && act.how === 'timeout' ? 2 * TIMEOUT_MS : act.sleepMs;
    if (sleepMs === 0 && !hasState && act.effect === undefined) return end();
    return (async () => {
      if (act.effect !== undefined) await publishNow(act.effect, payload as Payload, context);
      if (sleepMs > 0) await context.sleep(sleepMs);
      if (hasState) await count(context);
      end();
    })();
  };
  const common = {
    name,
    entry: import.meta.url,
    subscribes: patterns,
    publishes: ['*.*'] as readonly string[],
    guarantee,
    ordering,
    concurrency,
    onlyWhenTagged: isTagged,
    timeoutMs: TIMEOUT_MS,
    retry: { attempts, baseMs: 500, maxMs: 20_000 },
  } as const;
  if (!hasState) return defineAgent({ ...common, handlers: (on) => [on.any(handle as never)] });
  return defineAgent({ ...common, state: genericJson, handlers: (on) => [on.any(handle)] });
}

function fail({ how }: Act): void {
  if (how === 'permanent') throw new PermanentError('as planned');
  if (how === 'later') throw new RetryLater(1_500);
  throw new Error('as planned');
}

async function count({ state, message }: Ctx): Promise<void> {
  const key = effectiveKey(message);
  const before = (await state.get(key)) as number | undefined;
  state.set(key, (before ?? 0) + 1);
}

function publish({ outputs, timer }: Act, payload: Payload, context: Ctx): void {
  for (const { path, topics, options } of outputs)
    context.publish(topics, genericJson, child(path, payload, context), options);
  if (timer !== undefined) context.later(timer.delayMs, genericJson, child(timer.path, payload, context));
}

function publishNow({ path, topics, options }: Output, payload: Payload, context: Ctx): Promise<unknown> {
  return context.publishNow(topics, genericJson, child(path, payload, context), options);
}

const child = (path: string, { level }: Payload, { message }: Ctx): Payload => ({
  path,
  parent: message.id,
  level: level + 1,
});
