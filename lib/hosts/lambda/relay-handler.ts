/** @module The relay as a function: behind the stream of the log, and behind the queue of what is not yet due. */
import { openRelay } from '../../backends/aws/relay/open-relay.ts';
import type { QueuedRecord, Relay } from '../../backends/aws/relay/relay.ts';
import type { StreamRecord } from '../../backends/aws/relay/stream-record.ts';
import type { Log } from '../../bus/log.ts';
import { InvalidArgumentError } from '../../core/errors.ts';
import { faultOf } from '../../core/fault.ts';
import { show } from '../../core/show.ts';
import type { GuildManifest } from '../../environment/guild-manifest.ts';
import type { BatchAnswer, LambdaContext } from './events.ts';
import { lambdaLog } from './lambda-log.ts';
import { servedNamespaces } from './served.ts';

export interface RelayHandlerOptions {
  /** @default - the deployment's, by the function's environment */
  readonly open?: () => Pick<Relay, 'handle' | 'handleQueued'>;
  /** @default - JSON lines, with the id of the request */
  readonly log?: Log;
}

/** Records of the stream, or of the queue. */
export interface RelayEvent {
  readonly Records: readonly (StreamRecord | (QueuedRecord & { readonly eventSource: 'aws:sqs' }))[];
}

/**
 * Hands on what was stored. What it could not hand on is in its answer, by sequence number: the stream goes on at the first of
 * them, and repeats what comes behind it.
 *
 * @throws InvalidArgumentError when the function starts, if its environment lacks anything; and for an event that is neither.
 * @example
 * export const handler = relayHandler(GUILDWIRE_MANIFEST);
 */
export function relayHandler(
  manifest: GuildManifest,
  options: RelayHandlerOptions = {},
): (event: RelayEvent, context: LambdaContext) => Promise<BatchAnswer> {
  const { open = () => openRelay({ manifest }, servedNamespaces()).relay } = options;
  const log = lambdaLog(options.log);
  const relay = open();
  return async (event, context) => {
    log.begin(context);
    if (!Array.isArray(event?.Records)) {
      const problem = `got ${show(event)}: allowed are records of the log's stream, and of the queue of delays`;
      throw new InvalidArgumentError([{ field: 'event', problem }]);
    }
    const records: RelayEvent['Records'] = event.Records;
    const failures = records.some(isQueued)
      ? await relay.handleQueued(records.filter(isQueued))
      : await relay.handle(records.filter((record) => !isQueued(record)));
    const [first] = failures;
    if (first !== undefined) {
      const at = { record: first.identifier, failed: failures.length, of: records.length };
      log.error('could not hand on all: the rest comes again', { ...at, error: faultOf(first.error) });
    }
    return { batchItemFailures: failures.map(({ identifier }) => ({ itemIdentifier: identifier })) };
  };
}

const isQueued = (
  record: RelayEvent['Records'][number],
): record is QueuedRecord & { readonly eventSource: 'aws:sqs' } => record?.eventSource === 'aws:sqs';
