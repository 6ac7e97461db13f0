/** @module Every command's frame: its output, Ctrl-C, and what its failure leads to. */
import { describeError, ExitCode, exitCodeOf, toErrorJson } from './failure.ts';
import { type Io, processIo } from './io.ts';
import type { SharedFlags } from './options.ts';

/** Does the work of a command; what it gives is the exit code. */
export type Work = (io: Io) => Promise<ExitCode>;

/**
 * Runs a command and leaves its exit code for the process. The first Ctrl-C or SIGTERM asks the command to end; the second
 * ends it at once.
 */
export async function runCommand({ json = false }: SharedFlags, work: Work): Promise<void> {
  const stop = new AbortController();
  let isUnread = false;
  const onSignal = () => {
    if (stop.signal.aborted) process.exit(ExitCode.INTERRUPTED);
    stop.abort();
  };
  // Somebody who reads no further, as `head` does, is no failure.
  const onPipe = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    isUnread = true;
    stop.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', onPipe);
  const io = processIo(json, stop.signal);
  try {
    const code = await work(io);
    process.exitCode = isUnread ? ExitCode.DONE : code;
  } catch (error) {
    if (!stop.signal.aborted) {
      process.exitCode = exitCodeOf(error);
      report(error, io);
    } else process.exitCode = isUnread ? ExitCode.DONE : ExitCode.INTERRUPTED;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal);
  }
}

/** @param more What else a program may want to know, such as the number of the line. */
export function report(error: unknown, io: Io, more: { readonly line?: number } = {}): void {
  const place = more.line === undefined ? '' : `line ${more.line}: `;
  io.warn(io.isJson ? toErrorJson(error, more) : describeError(error).replace('error: ', () => `error: ${place}`));
}
