/** @module Shorter timings for a rehearsal: numbers of the template are rewritten, never the code. */
import type { JsonObject } from '../../core/json.ts';
import type { ResourceTemplate, StackTemplate } from './read-assembly.ts';

/** Each is left as the template has it unless it is given. */
export interface Timings {
  /** Of every queue: how long a message that was received and not deleted stays out of sight. */
  readonly visibilitySeconds?: number;
  /** Of every queue that delays what is sent to it. */
  readonly delaySeconds?: number;
  /** Of every event source mapping that has one: how long it gathers a batch. */
  readonly batchingWindowSeconds?: number;
  /** Of every function: how long an invocation may take. */
  readonly timeoutSeconds?: number;
  /** Of every schedule: how often it invokes its function. */
  readonly scheduleSeconds?: number;
}

/** The stack, and those nested in it, with their numbers replaced. */
export function withTimings(stack: StackTemplate, timings: Timings): StackTemplate {
  const resources = Object.entries(stack.template.Resources);
  const changed = resources.map(([id, resource]) => [id, retimed(resource, timings)] as const);
  return {
    ...stack,
    template: { ...stack.template, Resources: Object.fromEntries(changed) },
    nested: new Map([...stack.nested].map(([id, nested]) => [id, withTimings(nested, timings)])),
  };
}

function retimed(resource: ResourceTemplate, timings: Timings): ResourceTemplate {
  const properties = resource.Properties ?? {};
  const has = (name: string) => properties[name] !== undefined;
  const changes: Readonly<Record<string, () => Readonly<Record<string, string | number | undefined>>>> = {
    'AWS::SQS::Queue': () => ({
      VisibilityTimeout: timings.visibilitySeconds,
      DelaySeconds: has('DelaySeconds') ? timings.delaySeconds : undefined,
    }),
    'AWS::Lambda::EventSourceMapping': () => ({
      MaximumBatchingWindowInSeconds: has('MaximumBatchingWindowInSeconds') ? timings.batchingWindowSeconds : undefined,
    }),
    'AWS::Lambda::Function': () => ({ Timeout: timings.timeoutSeconds }),
    'AWS::Events::Rule': () => ({ ScheduleExpression: rateOf(timings.scheduleSeconds) }),
    'AWS::Scheduler::Schedule': () => ({ ScheduleExpression: rateOf(timings.scheduleSeconds) }),
  };
  const own = Object.entries(changes[resource.Type]?.() ?? {}).filter(([, value]) => value !== undefined);
  return own.length === 0
    ? resource
    : { ...resource, Properties: { ...properties, ...(Object.fromEntries(own) as JsonObject) } };
}

const rateOf = (seconds: number | undefined) => (seconds === undefined ? undefined : `rate(${seconds} seconds)`);
