/** @module What agents and the runtime say while they work. */
import { faultOf } from '../core/fault.ts';

type Write = (text: string, data?: object) => void;

export interface Log {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
}

/** Says nothing. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** A JSON object per line on standard error, from `info` up. */
export const stderrLog: Log = {
  debug() {},
  info: (text, data) => write('info', text, data),
  warn: (text, data) => write('warn', text, data),
  error: (text, data) => write('error', text, data),
};

function write(level: string, text: string, data: object = {}): void {
  process.stderr.write(`${lineOf({ level, text }, data)}\n`);
}

/** Something is said in any case: where the data cannot be written, at least what it was about. */
function lineOf(line: object, data: object): string {
  try {
    return JSON.stringify({ ...line, ...data }, asJson);
  } catch (error) {
    return JSON.stringify({ ...line, unwritable: faultOf(error).message });
  }
}

function asJson(_: string, value: unknown): unknown {
  if (value instanceof Error) return faultOf(value);
  return typeof value === 'bigint' ? String(value) : value;
}

/** A log that cannot fail: a logger that throws must not stop an agent. */
export function unfailing(log: Log): Log {
  const guarded =
    (write: Write): Write =>
    (text, data) => {
      try {
        const written: unknown = write(text, data);
        if (written instanceof Promise) written.catch(() => {});
      } catch {
        // There is nobody left to tell.
      }
    };
  return {
    debug: guarded((text, data) => log.debug(text, data)),
    info: guarded((text, data) => log.info(text, data)),
    warn: guarded((text, data) => log.warn(text, data)),
    error: guarded((text, data) => log.error(text, data)),
  };
}

/** A log that adds `fields` to everything said. */
export function withFields(log: Log, fields: () => object): Log {
  return {
    debug: (text, data) => log.debug(text, { ...fields(), ...data }),
    info: (text, data) => log.info(text, { ...fields(), ...data }),
    warn: (text, data) => log.warn(text, { ...fields(), ...data }),
    error: (text, data) => log.error(text, { ...fields(), ...data }),
  };
}
