/** @module Plans: frozen lists to redrive, discard or replay, and working them off. */
import type { Plan, PlanId } from '../../backends/backend.ts';
import type { DeadLetterPlan, ReplayPlan } from '../../bus/recovery.ts';
import { pause } from '../../core/clock.ts';
import { NotFoundError } from '../../core/errors.ts';
import { type Call, defineRoute, toJson } from '../route.ts';
import { Plan as PlanView } from '../schemas/answers.ts';
import { closed, field, namespace } from '../schemas/fields.ts';
import { type NewPlan, NewPlan as NewPlanSchema, RunPlan } from '../schemas/new-plan.ts';

const planPath = (namespace: string, id: string) => `/v1/namespaces/${namespace}/plans/${id}`;
const PLAN_PATH = planPath('{namespace}', '{id}');
const STEP = 100;
/** Steps a second of a plan that has a pace. */
const STEPS = 10;
const DEFAULT_MAX = 1_000;
/** A request runs a plan for no longer: who asks is told how far it is, and asks again. */
const MAX_RUN_MS = 5_000;
const NEVER = new AbortController().signal;

const planId = field<string>(
  (value) => (typeof value === 'string' && value.length <= 256 ? undefined : 'is no id of a plan'),
  { type: 'string', minLength: 1, maxLength: 256, description: 'The id of a plan.' },
);

export const makePlan = defineRoute({
  id: 'makePlan',
  method: 'POST',
  path: '/v1/namespaces/{namespace}/plans',
  tag: 'recovery',
  summary: 'Freeze a list of dead letters to redrive or discard, or of messages to replay',
  description: 'Nothing is done before the plan is run, and what arrives meanwhile is not in it.',
  needs: 'operate',
  params: closed({ namespace }),
  query: closed({}),
  body: NewPlanSchema,
  answers: { 201: { description: 'The plan.', schema: PlanView, headers: { Location: 'The plan.' } } },
  problems: [400, 404, 409, 413, 415, 501],
  run: async ({ services, principal, params, body }) => {
    const plan = await services.buses.of(params.namespace, principal).plan(toPlan(body));
    return toJson(201, plan, { location: planPath(params.namespace, encodeURIComponent(plan.id)) });
  },
});

/** A topic with wildcards is a pattern below the HTTP API. */
function toPlan(body: NewPlan): DeadLetterPlan | ReplayPlan {
  if (body.action !== 'replay') return body as DeadLetterPlan;
  const { topic, ...rest } = body.messages;
  const place = topic === undefined ? {} : topic.includes('*') ? { pattern: topic } : { topic };
  return { ...body, messages: { ...rest, ...place } } as ReplayPlan;
}

export const plan = defineRoute({
  id: 'plan',
  method: 'GET',
  path: PLAN_PATH,
  tag: 'recovery',
  summary: 'How far a plan is',
  needs: 'operate',
  params: closed({ namespace, id: planId }),
  query: closed({}),
  answers: { 200: { description: 'The plan.', schema: PlanView } },
  problems: [400, 404, 501],
  run: async (call) => toJson(200, await planOf(call)),
});

export const runPlan = defineRoute({
  id: 'runPlan',
  method: 'POST',
  path: `${PLAN_PATH}/run`,
  tag: 'recovery',
  summary: 'Work a plan off, or a part of it',
  description:
    'Returns after at most 5 seconds, or `max` entries; ask again until the plan is finished. No entry is done twice.',
  needs: 'operate',
  params: closed({ namespace, id: planId }),
  query: closed({}),
  body: RunPlan,
  bodyIsOptional: true,
  answers: { 200: { description: 'How far the plan is now.', schema: PlanView } },
  problems: [400, 404, 413, 415, 501],
  run: async (call) => {
    const { backend, clock } = call.services;
    const { max = DEFAULT_MAX, perSecond = Number.POSITIVE_INFINITY } = call.body;
    const paced = Math.max(1, Math.min(STEP, Math.floor(perSecond / STEPS)));
    const giveUpAt = clock.now() + MAX_RUN_MS;
    let now = await planOf(call);
    for (let left = max; left > 0 && !now.finished && clock.now() < giveUpAt; ) {
      const step = Math.min(left, paced);
      now = await backend.runPlan(now.id, { max: step });
      left -= step;
      // Also behind the last step, so that whoever asks again at once keeps the pace as well.
      if (perSecond !== Number.POSITIVE_INFINITY && !now.finished) {
        await pause(clock, Math.min((step * 1_000) / perSecond, giveUpAt - clock.now()), NEVER);
      }
    }
    return toJson(200, now);
  },
});

/** @throws NotFoundError also for a plan of another namespace. */
async function planOf({ services, params }: Call<{ readonly namespace: string; readonly id: string }>): Promise<Plan> {
  const found = await services.backend.runPlan(params.id as PlanId, { max: 0 });
  if (found.namespace !== params.namespace) throw new NotFoundError(`plan ${params.id}`);
  return found;
}
