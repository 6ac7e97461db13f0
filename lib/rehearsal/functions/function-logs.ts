/** @module What functions print, line by line, with the invocation that each line belongs to. */
import type { Readable } from 'node:stream';
import { LOG_MARK } from './runtime-script.ts';

export interface LogLine {
  readonly functionName: string;
  /** `undefined` while the process starts. */
  readonly requestId: string | undefined;
  readonly text: string;
}

/** So many lines of all functions are kept. */
const KEPT = 20_000;

export class FunctionLogs {
  readonly #lines: LogLine[] = [];
  readonly #listener: ((line: LogLine) => void) | undefined;

  constructor(listener: ((line: LogLine) => void) | undefined) {
    this.#listener = listener;
  }

  add(line: LogLine): void {
    this.#lines.push(line);
    if (this.#lines.length > KEPT) this.#lines.splice(0, KEPT / 10);
    this.#listener?.(line);
  }

  /** The oldest first. */
  of(functionName: string): readonly LogLine[] {
    return this.#lines.filter((line) => line.functionName === functionName);
  }
}

/** Reads one stream of a process. `onEnd` hears that everything which an invocation printed has been read. */
export function readLines(
  stream: Readable,
  onLine: (text: string, requestId: string | undefined) => void,
  onEnd: (requestId: string) => void,
): void {
  let rest = '';
  let requestId: string | undefined;
  const take = (line: string) => {
    // A mark also ends a line that was left open.
    const at = line.indexOf(LOG_MARK);
    if (at !== 0) onLine(at < 0 ? line : line.slice(0, at), requestId);
    if (at < 0) return;
    const [what, id = ''] = line.slice(at + LOG_MARK.length).split(' ');
    requestId = id;
    if (what === 'end') onEnd(id);
  };
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  });
  stream.on('close', () => {
    if (rest !== '') take(rest);
  });
}
