/** @module What a bus is asked, as a path and a query of the HTTP API. */
import { type HistoryQuery, type TailQuery, toReadQuery } from '../../bus/history-query.ts';
import type { DeadLetterPlan, ReplayPlan } from '../../bus/recovery.ts';
import { type FieldFault, InvalidArgumentError } from '../../core/errors.ts';
import { firstIdOf, lastIdOf } from '../../core/gemstone-id.ts';

export interface Asked {
  readonly path: string;
  readonly query: Readonly<Record<string, string | number | undefined>>;
}

const segment = encodeURIComponent;

/** A point in time is a boundary among ids as well. */
const bounds = ({ since, until }: Pick<HistoryQuery, 'since' | 'until'>) => ({
  since: typeof since === 'number' ? firstIdOf(since) : since,
  until: typeof until === 'number' ? lastIdOf(until) : until,
});

/** @throws InvalidArgumentError with every fault. */
export function toHistory(namespace: string, asked: HistoryQuery): Asked {
  toReadQuery(namespace, asked);
  const { topic, pattern, thread, conversation, agent, deadLettersOf, after, since, until, ...rest } = asked;
  const query = {
    ...rest,
    ...bounds({ ...(since !== undefined && { since }), ...(until !== undefined && { until }) }),
    cursor: after,
  };
  const named = topic ?? pattern;
  if (named !== undefined) return { path: `/topics/${segment(named)}/messages`, query };
  if (thread !== undefined) return { path: `/threads/${thread}`, query };
  if (conversation !== undefined) return { path: `/conversations/${segment(conversation)}`, query };
  if (agent !== undefined) return { path: `/agents/${segment(agent)}/messages`, query };
  return { path: `/agents/${segment(deadLettersOf ?? '')}/dead-letters`, query };
}

/** @throws InvalidArgumentError with every fault. */
export function toStream(namespace: string, asked: TailQuery): Asked {
  toReadQuery(namespace, asked);
  const { topic, pattern, deadLettersOf, since, ...rest } = asked;
  if (deadLettersOf !== undefined) {
    const problem = `is no place that a server follows: follow the topic $dead.${deadLettersOf}`;
    throw new InvalidArgumentError([{ field: 'deadLettersOf', problem }]);
  }
  const { since: from } = bounds(since === undefined ? {} : { since });
  return { path: '/stream', query: { ...rest, topic: topic ?? pattern, since: from } };
}

/** The body of `POST plans`. The server checks it. */
export function toPlanBody(plan: DeadLetterPlan | ReplayPlan): object {
  if (plan?.action !== 'replay') return plan;
  const { messages } = plan;
  const faults: FieldFault[] = [];
  if (typeof messages !== 'object' || messages === null) faults.push({ field: 'messages', problem: 'is missing' });
  if (faults.length > 0) throw new InvalidArgumentError(faults);
  const { topic, pattern, since, until, ...rest } = messages;
  const points = bounds({ ...(since !== undefined && { since }), ...(until !== undefined && { until }) });
  return { ...plan, messages: { ...rest, ...points, topic: topic ?? pattern } };
}
