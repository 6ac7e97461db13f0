/** @module The janitor as a function: on a schedule it empties the queues that catch what went wrong, and finishes what others left. */
import { type AwsParts, awsParts } from '../../backends/aws/aws-parts.ts';
import { type AwsOptions, awsSettings } from '../../backends/aws/aws-settings.ts';
import { switchMapping } from '../../backends/aws/calls/switch-mapping.ts';
import { Pausing } from '../../backends/aws/ledger/pausing.ts';
import { openPlans } from '../../backends/aws/open-plans.ts';
import { SafetyNet } from '../../backends/aws/relay/safety-net.ts';
import type { Log } from '../../bus/log.ts';
import { type FieldFault, InvalidArgumentError } from '../../core/errors.ts';
import { faultOf } from '../../core/fault.ts';
import { show } from '../../core/show.ts';
import type { GuildManifest } from '../../environment/guild-manifest.ts';
import type { JanitorEvent } from '../../environment/janitor-event.ts';
import type { LambdaContext } from './events.ts';
import { finishPauses } from './janitor-pauses.ts';
import { runAbandoned } from './janitor-plans.ts';
import { lambdaLog } from './lambda-log.ts';
import { servedNamespaces } from './served.ts';

export interface JanitorHandlerOptions {
  /** @default - those of the function's environment */
  readonly connection?: Omit<AwsOptions, 'manifest'>;
  /** @default - those of the function's environment */
  readonly namespaces?: '*' | readonly string[];
  /** @default - JSON lines, with the id of the request */
  readonly log?: Log;
}

export interface JanitorAnswer {
  /** Dead letters that it made. */
  readonly buried: number;
  /** Entries of plans that it worked off. */
  readonly worked: number;
}

/** Kept of the time, for what is under way when the rest is left to the next tick. */
const RESERVE_MS = 20_000;
/** How long what arrives for a paused agent stays out of its sight: until the next tick has passed. */
const PAUSED_MS = 600_000;

/**
 * Makes dead letters of what never reached a handler, turns event sources off and on for pauses that were not finished, and
 * works off plans whose runner went away. What it cannot do in its time, the next tick does; what fails does not keep it from
 * the rest, and is its own error in the end.
 *
 * @throws InvalidArgumentError when the function starts, if its environment lacks anything; and for another event.
 * @example
 * export const handler = janitorHandler(GUILDWIRE_MANIFEST);
 */
export function janitorHandler(
  manifest: GuildManifest,
  options: JanitorHandlerOptions = {},
): (event: JanitorEvent, context: LambdaContext) => Promise<JanitorAnswer> {
  const { namespaces = servedNamespaces() } = options;
  const log = lambdaLog(options.log);
  const served = namespaces === '*' ? {} : { namespaces };
  const settings = awsSettings({ ...options.connection, ...served, manifest });
  const parts: AwsParts = awsParts(settings, PAUSED_MS);
  const pausing = new Pausing(parts.dynamodb, parts.switches, switchMapping);
  const { clock } = parts.calls;
  const onUnknown = (body: string) =>
    log.error('the safety queue held what belongs to nobody here', { body: body.slice(0, MAX_SHOWN) });
  const net = new SafetyNet({ parts, namespaces, onUnknown });
  return async (event, context) => {
    log.begin(context);
    check(event, manifest);
    const until = clock.now() + context.getRemainingTimeInMillis() - RESERVE_MS;
    const failures: unknown[] = [];
    let buried = 0;
    const sweep = async (what: string, work: () => Promise<number>) => {
      try {
        const count = await work();
        if (count > 0) log.warn(`made ${count} dead letters of what never reached a handler`, { of: what });
        buried += count;
      } catch (error) {
        failures.push(error);
        log.error('could not empty a queue: the next tick tries again', { of: what, error: faultOf(error) });
      }
    };
    for (const [name, url] of Object.entries(event.deadLetterQueues)) {
      const agent = manifest.agents.find((each) => each.name === name);
      if (agent !== undefined) await sweep(`agent ${name}`, () => net.sweep(agent, url, until));
    }
    const { safetyQueue } = event;
    if (safetyQueue !== undefined) await sweep('relay', () => net.sweepRelay(safetyQueue, until));
    const onFailure = (error: unknown) => failures.push(error);
    await finishPauses({ pausing, namespaces, sources: event.sources, clock, log, until, onFailure });
    const worked = event.runsPlans
      ? await runAbandoned({ plans: openPlans(parts), namespaces, clock, log, until, onFailure })
      : 0;
    if (failures.length > 0) throw failures[0];
    return { buried, worked };
  };
}

const MAX_SHOWN = 1_000;

/** @throws InvalidArgumentError */
function check(event: JanitorEvent, { agents }: GuildManifest): void {
  if (event?.kind !== 'guildwire.janitor' || typeof event.deadLetterQueues !== 'object') {
    const problem = `got ${show(event)}: the janitor is started by its schedule, with the queues that it looks after`;
    throw new InvalidArgumentError([{ field: 'event', problem }]);
  }
  const known = agents.map(({ name }) => name);
  const faults = Object.keys(event.deadLetterQueues).flatMap((name): FieldFault[] =>
    known.includes(name) ? [] : [{ field: `deadLetterQueues.${name}`, problem: 'is no agent of this deployment' }],
  );
  if (faults.length > 0) throw new InvalidArgumentError(faults);
}
