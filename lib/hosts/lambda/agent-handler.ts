/** @module One agent as a function behind its queue. */
import type { QueueEvent } from '../../backends/aws/queues/lambda-batch.ts';
import type { Backend } from '../../backends/backend.ts';
import { Drafts } from '../../bus/drafts.ts';
import type { Log } from '../../bus/log.ts';
import { type Clock, systemClock } from '../../core/clock.ts';
import { InvalidArgumentError } from '../../core/errors.ts';
import { show } from '../../core/show.ts';
import type { GuildManifest } from '../../environment/guild-manifest.ts';
import type { Agent } from '../../guild/define-agent.ts';
import { type EventBatch, runEvent } from './agent-run.ts';
import { deployedAgent } from './deployed-agent.ts';
import type { BatchAnswer, LambdaContext } from './events.ts';
import { lambdaLog } from './lambda-log.ts';
import { once } from './once.ts';
import { openDeployed } from './open-deployed.ts';
import { declaredFamilies, servedNamespaces } from './served.ts';

/** A backend that takes deliveries from an event. */
export interface EventBackend extends Backend {
  leasesOf(
    event: QueueEvent,
    options: { readonly agent: string; readonly until: number; readonly namespaces?: readonly string[] },
  ): EventBatch;
}

export interface AgentHandlerOptions {
  /** @default - the deployment's, by the function's environment */
  readonly open?: () => Promise<EventBackend>;
  /** @default - JSON lines, with the id of the request */
  readonly log?: Log;
  /** @default - the system's */
  readonly clock?: Clock;
  /** Numbers in [0, 1), for jitter. @default Math.random */
  readonly random?: () => number;
}

export type AgentHandlerFunction = (event: QueueEvent, context: LambdaContext) => Promise<BatchAnswer>;

/**
 * Handles what waits in the agent's queue: the same attempts, retries, guarantees, middleware and hooks as everywhere. What was
 * not acknowledged is in the answer, and comes again. So does what would be started when less is left than an attempt may take,
 * unless the function's whole time is shorter than that.
 *
 * @param agent The default export of the agent's file.
 * @throws InvalidArgumentError when the function starts, naming everything that is wrong with agent and environment.
 * @example
 * export const handler = agentHandler(grammar, GUILDWIRE_MANIFEST);
 */
export function agentHandler(
  agent: Agent,
  manifest: GuildManifest,
  options: AgentHandlerOptions = {},
): AgentHandlerFunction {
  const { clock = systemClock, random = Math.random } = options;
  const deployed = deployedAgent(agent, manifest);
  const namespaces = servedNamespaces();
  const log = lambdaLog(options.log);
  const families = declaredFamilies(manifest);
  const opened = once(options.open ?? (() => openDeployed(manifest)));
  const drafts = new Map<string, Drafts>();
  return async (event, context) => {
    log.begin(context);
    if (!Array.isArray(event?.Records)) {
      const problem = `got ${show(event)}: this function is started by the queue of agent "${deployed.agent.name}"`;
      throw new InvalidArgumentError([{ field: 'event', problem }]);
    }
    const backend = await opened();
    const remainingMs = context.getRemainingTimeInMillis();
    const draftsOf = (namespace: string): Drafts => {
      const known = drafts.get(namespace);
      if (known !== undefined) return known;
      const { name, publishes } = deployed.agent;
      const { features } = backend;
      const sender = Object.freeze({ id: name });
      const made = new Drafts({ namespace, sender, families, features, now: () => clock.now(), publishes });
      drafts.set(namespace, made);
      return made;
    };
    return runEvent({
      agent: deployed.agent,
      backend,
      batch: backend.leasesOf(event, {
        agent: deployed.agent.name,
        until: clock.now() + remainingMs,
        ...(namespaces !== '*' && { namespaces }),
      }),
      clock,
      log,
      random,
      maxHops: manifest.maxHops,
      draftsOf,
      remainingMs,
    });
  };
}
