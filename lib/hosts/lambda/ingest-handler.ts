/** @module Publishing through a function: over the HTTP API, or by invoking the function itself. */
import { switchMapping } from '../../backends/aws/calls/switch-mapping.ts';
import { openUploads } from '../../backends/aws/log/uploads.ts';
import { type FieldFault, GuildwireError, InvalidArgumentError, InvalidMessageError } from '../../core/errors.ts';
import { show } from '../../core/show.ts';
import { MAX_NAMESPACE, nameProblem, topicProblem } from '../../core/topic.ts';
import type { GuildManifest } from '../../environment/guild-manifest.ts';
import type { Principal } from '../../http/authenticate.ts';
import { toProblem } from '../../http/problems.ts';
import type { Problem } from '../../http/schemas/answers.ts';
import { createEdge, type HttpHandlerOptions } from './edge.ts';
import type { HttpAnswer, HttpEvent, LambdaContext } from './events.ts';
import { openDeployed } from './open-deployed.ts';

/** A message as the body of the HTTP API has it, with where it goes. */
export interface IngestMessage {
  readonly namespace: string;
  readonly topic: string;
  /** One of them: what it says, or where that was uploaded to. */
  readonly payload?: unknown;
  readonly attachment?: { readonly bytes: number; readonly sha256: string };
  readonly [field: string]: unknown;
}

export type IngestEvent = HttpEvent | IngestMessage | readonly IngestMessage[];

/** What became of one message of an array. */
export type IngestOutcome =
  | { readonly ok: true; readonly id: string; readonly duplicate: boolean }
  | { readonly ok: false; readonly problem: object };
export type IngestAnswer =
  | HttpAnswer
  | { readonly id: string; readonly duplicate: boolean }
  | { readonly outcomes: readonly IngestOutcome[] };

/** A message that was invoked with was refused. Its message says why, as the HTTP API would. */
export class IngestRefusedError extends GuildwireError {
  readonly code: string;
  readonly retryable: boolean;

  constructor(problem: { readonly code: string; readonly retryable: boolean; readonly detail: string }) {
    super(problem.detail);
    this.code = problem.code;
    this.retryable = problem.retryable;
  }
}

const MAX_BATCH = 100;

/**
 * Publishes what it is asked to over the HTTP API, and what it is invoked with: a message, or up to 100, each as the body of
 * the HTTP API with `namespace` and `topic`. Their sender is `user:invoke`.
 *
 * @throws InvalidArgumentError for an event that is neither; IngestRefusedError for a single message that is refused. Of an
 *   array each message has its outcome.
 * @example
 * export const handler = ingestHandler(GUILDWIRE_MANIFEST);
 */
export function ingestHandler(
  manifest: GuildManifest,
  options: HttpHandlerOptions = {},
): (event: IngestEvent, context: LambdaContext) => Promise<IngestAnswer> {
  const edge = createEdge(manifest, { open: () => openDeployed(manifest, switchMapping, openUploads), ...options });
  const invoker: Principal = { id: 'invoke', namespaces: edge.namespaces, may: ['publish'] };
  const publish = async (namespace: string, topic: string, body: unknown): Promise<Published> => {
    const request = new Request(`https://invoke/v1/namespaces/${namespace}/topics/${topic}/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const response = await edge.fetch(request, invoker);
    return { isStored: response.status === 202, body: await response.json() };
  };
  return async (event, context) => {
    edge.log.begin(context);
    if (isHttp(event)) return edge.answer(event);
    if (isMessages(event)) return { outcomes: await publishAll(event, publish) };
    const { namespace, topic, ...message } = checked(event);
    const { isStored, body } = await publish(namespace, topic, message);
    if (isStored) return body as { readonly id: string; readonly duplicate: boolean };
    throw new IngestRefusedError(body as Problem);
  };
}

interface Published {
  readonly isStored: boolean;
  readonly body: unknown;
}

/** Those for one topic in one call; the outcomes are in the order of the messages. */
async function publishAll(
  messages: readonly IngestMessage[],
  publish: (namespace: string, topic: string, body: unknown) => Promise<Published>,
): Promise<readonly IngestOutcome[]> {
  if (messages.length > MAX_BATCH) {
    const problem = `has ${messages.length} messages: allowed are at most ${MAX_BATCH}`;
    throw new InvalidArgumentError([{ field: 'event', problem }]);
  }
  const outcomes: IngestOutcome[] = [];
  const sound: { readonly index: number; readonly message: IngestMessage }[] = [];
  for (const [index, message] of messages.entries()) {
    const faults = faultsOf(message);
    if (faults.length === 0) sound.push({ index, message });
    else outcomes[index] = { ok: false, problem: toProblem(new InvalidMessageError(faults)) };
  }
  const groups = Map.groupBy(sound, ({ message: { namespace, topic } }) => `${namespace}#${topic}`);
  for (const group of groups.values()) {
    const { namespace, topic } = (group[0] as (typeof group)[number]).message;
    const bodies = group.map(({ message: { namespace: _, topic: __, ...body } }) => body);
    const { isStored, body } = await publish(namespace, topic, bodies);
    const stored = (body as { readonly outcomes?: readonly IngestOutcome[] }).outcomes ?? [];
    for (const [at, { index }] of group.entries())
      outcomes[index] = isStored ? (stored[at] as IngestOutcome) : { ok: false, problem: body as Problem };
  }
  return outcomes;
}

const isHttp = (event: IngestEvent): event is HttpEvent =>
  typeof event === 'object' && event !== null && 'requestContext' in event && 'rawPath' in event;
const isMessages = (event: IngestEvent): event is readonly IngestMessage[] => Array.isArray(event);

/** @throws InvalidArgumentError */
function checked(event: unknown): IngestMessage {
  const faults = faultsOf(event);
  if (faults.length > 0) throw new InvalidArgumentError(faults);
  return event as IngestMessage;
}

function faultsOf(event: unknown): readonly FieldFault[] {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) {
    const problem = `got ${show(event)}: allowed are a message with namespace, topic and payload, an array of up to ${MAX_BATCH}, and a request of an HTTP API`;
    return [{ field: 'event', problem }];
  }
  const { namespace, topic } = event as Partial<IngestMessage>;
  return [
    { field: 'namespace', problem: nameProblem(namespace, MAX_NAMESPACE) },
    { field: 'topic', problem: topicProblem(topic) },
  ].flatMap(({ field, problem }) => (problem === undefined ? [] : [{ field, problem }]));
}
