/** @module What a person is told when the store is lost, and when it is back: one line each. */
import type { Log } from '../bus/log.ts';
import type { StoreWatchOptions } from '../hosts/node/store-watch.ts';
import type { Io } from './io.ts';

/**
 * @param where The backend as a person is told, without a password.
 * @param log For programs, in JSON mode.
 */
export function tellConnection(where: string, log: Log, io: Io): StoreWatchOptions['onChange'] {
  return (state, awayMs) => {
    const isLost = state === 'lost';
    const text = isLost
      ? `the connection to ${where} is lost: trying again`
      : `connected to ${where} again, after ${(awayMs / 1_000).toFixed(1)} s`;
    if (!io.isJson) io.warn(io.paint(isLost ? 'yellow' : 'green', text));
    else if (isLost) log.warn(text, { connection: state });
    else log.info(text, { connection: state, awayMs });
  };
}
