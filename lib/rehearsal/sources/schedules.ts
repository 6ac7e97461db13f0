/** @module Rules and schedules that invoke functions: by their rate, and by hand. */
import type { Json, JsonObject } from '../../core/json.ts';
import type { InvocationResult } from '../functions/invocation.ts';
import type { LocalFunction } from '../functions/local-function.ts';
import { UnsupportedTemplateError } from '../rehearsal-errors.ts';
import type { Resource } from '../resources/stack-scope.ts';

const UNITS: Readonly<Record<string, number>> = { second: 1, minute: 60, hour: 3600, day: 86_400 };

export interface Schedule {
  readonly name: string;
  readonly path: string;
  /** `undefined` for cron expressions, and for what is disabled: those run by hand only. */
  readonly everyMs: number | undefined;
  readonly targets: readonly { readonly target: LocalFunction; readonly payload: () => Json }[];
}

/**
 * A rule of EventBridge, or a schedule of EventBridge Scheduler.
 *
 * @throws UnsupportedTemplateError for a rule that waits for events, and for a target that is no function, or gets a part of the
 *   event, or what is no JSON.
 */
export function defineSchedule(resource: Resource, functionOf: (arn: string) => LocalFunction | undefined): Schedule {
  const { properties, name, path, file, logicalId } = resource;
  const refuse = (why: string) => new UnsupportedTemplateError([`${file}: ${logicalId} ${why}`]);
  if (properties.ScheduleExpression === undefined) throw refuse('has an event pattern, not a schedule');
  const { Target, Targets = Target === undefined ? [] : [Target] } = properties;
  const listed = Targets as readonly JsonObject[];
  const targets = listed.map(({ Arn, Input, ...others }) => {
    const shaping = ['InputPath', 'InputTransformer'].find((name) => others[name] !== undefined);
    if (shaping !== undefined) throw refuse(`has a target with ${shaping}, and only Input is known`);
    const problem = Input === undefined ? undefined : inputProblem(String(Input), Target !== undefined);
    if (problem !== undefined) throw refuse(`has a target whose Input ${problem}`);
    const target = functionOf(String(Arn));
    if (target === undefined) throw refuse(`has ${String(Arn)} as its target, which is no function`);
    return {
      target,
      payload: () => (Input === undefined ? scheduledEvent(resource) : (JSON.parse(String(Input)) as Json)),
    };
  });
  const everyMs = properties.State === 'DISABLED' ? undefined : rateMs(String(properties.ScheduleExpression));
  return { name, path: path.replace(/(\/Resource)+$/, ''), everyMs, targets };
}

/** @param isScheduler Scheduler puts what it knows of a run in place of such words; rules do not. */
function inputProblem(input: string, isScheduler: boolean): string | undefined {
  const [word] = (isScheduler && /<aws\.scheduler\.[a-z-]+>/.exec(input)) || [];
  if (word !== undefined) return `holds ${word}, and only a fixed one is known`;
  try {
    JSON.parse(input);
    return undefined;
  } catch {
    return 'is no JSON';
  }
}

export class Schedules implements Disposable {
  readonly #timers: NodeJS.Timeout[] = [];

  /** Starts those that have a rate. A run that is due while the last one is under way is left out. */
  constructor(schedules: readonly Schedule[]) {
    for (const schedule of schedules) {
      if (schedule.everyMs === undefined) continue;
      let running = false;
      const run = async () => {
        if (running) return;
        running = true;
        await tick(schedule);
        running = false;
      };
      this.#timers.push(setInterval(() => void run(), schedule.everyMs));
    }
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}

/** Runs it now, and waits for what it invokes. */
export function tick(schedule: Schedule): Promise<readonly InvocationResult[]> {
  return Promise.all(schedule.targets.map(({ target, payload }) => target.invoke(JSON.stringify(payload()))));
}

/** `rate(5 minutes)`. */
function rateMs(expression: string): number | undefined {
  const [, count = '', unit = ''] = /^rate\((\d+(?:\.\d+)?) (\w+?)s?\)$/.exec(expression) ?? [];
  const seconds = UNITS[unit];
  return seconds === undefined ? undefined : Number(count) * seconds * 1000;
}

function scheduledEvent({ arn }: Resource): JsonObject {
  const [, , , region = '', account = ''] = arn.split(':');
  return {
    version: '0',
    id: crypto.randomUUID(),
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account,
    time: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    region,
    resources: [arn],
    detail: {},
  };
}
