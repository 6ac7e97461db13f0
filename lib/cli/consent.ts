/** @module Asking before something is changed that is not on this machine. */
import { createInterface } from 'node:readline/promises';
import { UsageError } from './failure.ts';
import type { Io } from './io.ts';
import type { SharedFlags } from './options.ts';
import type { Target } from './remote.ts';

/**
 * @param what What is about to be done, as `redrive 12 dead letters of grammar`.
 * @throws UsageError if nobody can be asked, or the answer is no.
 */
export async function consent(what: string, target: Target, flags: SharedFlags, io: Io): Promise<void> {
  if (target.isLocal || flags.yes === true) return;
  const where = `${target.where}, namespace ${target.namespace}`;
  if (!io.isInteractive || io.isJson)
    throw new UsageError(`this would ${what} on ${where}, which is not this machine: say --yes if that is meant`);
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    // Ctrl-D is an answer as well, and Ctrl-C is what it is everywhere.
    const closed = new Promise<undefined>((resolve) => asking.once('close', () => resolve(undefined)));
    asking.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    const answer = await Promise.race([asking.question(`${what} on ${where}? [y/N] `, { signal: io.signal }), closed]);
    if (answer === undefined) io.warn('');
    if (!/^y(es)?$/i.test(answer?.trim() ?? '')) throw new UsageError('nothing was changed');
  } finally {
    asking.close();
  }
}
