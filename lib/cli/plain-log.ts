/** @module What agents say, as lines for a person on standard error. */
import type { Log } from '../bus/log.ts';
import type { Io } from './io.ts';
import { printable } from './views/message-view.ts';

interface Said {
  readonly agent?: string;
  readonly message?: string;
  readonly namespace?: string;
  readonly attempt?: number;
  readonly error?: { readonly name?: string; readonly code?: string; readonly message?: string };
}

/** One line each; in JSON mode one object each. */
export function plainLog(io: Io): Log {
  const write =
    (level: string, style: 'dim' | 'yellow' | 'red') =>
    (text: string, data: object = {}) => {
      if (io.isJson) {
        io.warn(JSON.stringify({ level, text, ...data }));
        return;
      }
      const { agent, message, error, namespace: _, attempt: __, ...rest } = data as Said;
      const about = [agent, message].filter((part) => part !== undefined).join(' ');
      const why = error === undefined ? '' : `: ${error.name ?? error.code ?? 'error'}: ${error.message ?? ''}`;
      const more = Object.keys(rest).length > 0 && level === 'info' ? ` ${JSON.stringify(rest)}` : '';
      io.warn(`${io.paint(style, level)} ${printable(`${about}${about === '' ? '' : ' '}${text}${why}${more}`)}`);
    };
  return { debug() {}, info: write('info', 'dim'), warn: write('warn', 'yellow'), error: write('error', 'red') };
}
