/** @module `guildwire replay --unrelayed`: what was stored while the relay of a deployment on AWS was away, handed on. */
import type { LoadedSettings } from '../configuration/load-settings.ts';
import { type GemstoneId, timeOf } from '../core/gemstone-id.ts';
import { consent } from './consent.ts';
import { ExitCode, UsageError } from './failure.ts';
import type { Io } from './io.ts';
import type { SharedFlags } from './options.ts';

export interface UnrelayedRange {
  readonly since: number | GemstoneId;
  readonly until?: number | GemstoneId;
}

const TOLD_EVERY_MS = 1_000;

/**
 * Sends what was stored since then to the relay once more, and says how many messages that were.
 *
 * @throws UsageError for a backend that is not on AWS.
 */
export async function replayUnrelayed(
  { since, until }: UnrelayedRange,
  loaded: LoadedSettings,
  flags: SharedFlags,
  io: Io,
): Promise<ExitCode> {
  const { backend, namespace } = loaded.settings;
  if (!backend.startsWith('aws:') || flags.url !== undefined)
    throw new UsageError(
      '--unrelayed is for a deployment on AWS: name it with --backend aws:FILE, the file of its outputs',
    );
  const { openTarget } = await import('./target.ts');
  await using target = await openTarget(loaded);
  await consent('hand on again what was stored then', target, flags, io);
  const [{ awsConnection }, { sendUnrelayed }] = await Promise.all([
    import('../backends/aws/aws-connection.ts'),
    import('../backends/aws/relay/unrelayed.ts'),
  ]);
  const { manifest, ...connection } = await awsConnection(backend);
  if (manifest === undefined) throw new UsageError('name the outputs of the deployment: --backend aws:FILE');
  let toldAt = Date.now();
  const range = { since: msOf(since), ...(until !== undefined && { until: msOf(until) }) };
  const messages = await sendUnrelayed(
    { ...connection, manifest },
    {
      ...range,
      namespace,
      signal: io.signal,
      onProgress: (sent) => {
        if (Date.now() - toldAt < TOLD_EVERY_MS) return;
        toldAt = Date.now();
        io.note(`${sent} so far`);
      },
    },
  );
  const finished = !io.signal.aborted;
  const count = `${messages} ${messages === 1 ? 'message' : 'messages'}`;
  io.line(io.isJson ? JSON.stringify({ messages, finished }) : `${count} sent to the relay once more`);
  if (finished) return ExitCode.DONE;
  io.note('stopped before the end: begin anew; agents that handle at least once get again what was handed on');
  return ExitCode.INTERRUPTED;
}

const msOf = (point: number | GemstoneId): number => (typeof point === 'number' ? point : timeOf(point));
