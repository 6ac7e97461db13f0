/** @module Where payloads come from: an argument, a file, or standard input. */
import { createReadStream, openSync, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { UsageError } from './failure.ts';

/** What is no JSON is taken as text, so that a word needs no quotes in quotes. @throws UsageError for half of a JSON, or nothing. */
export function payloadOf(text: string): unknown {
  if (text.trim() === '') throw new UsageError(`the payload is empty: '""' is an empty text`);
  try {
    return JSON.parse(text);
  } catch {
    if (/^\s*[{[]/.test(text)) throw new UsageError(`the payload begins like JSON and is none: ${shortened(text)}`);
    return text.replace(/\r?\n$/, '');
  }
}

/** @param file `-` or undefined for standard input. @throws UsageError for one that is not there. */
export function inputOf(file: string | undefined): Readable {
  if (file === undefined || file === '-') {
    if (file === undefined && process.stdin.isTTY)
      throw new UsageError('give the payload as an argument, with --file, or on standard input');
    return process.stdin;
  }
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) throw new UsageError(`no file ${file}`);
  if (found.isDirectory()) throw new UsageError(`${file} is a folder: name a file`);
  try {
    return createReadStream(file, { fd: openSync(file, 'r') });
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** @param what For the error. @throws UsageError for what is no UTF-8, rather than putting other characters in its place. */
export function toText(bytes: Uint8Array, what: string): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new UsageError(`${what} is no UTF-8: convert it first`);
  }
}

/** All of a file, or of standard input. @throws UsageError for one that is not there, or is no UTF-8. */
export async function readAll(file: string | undefined, signal: AbortSignal): Promise<string> {
  const input = inputOf(file);
  const onAbort = () => input.destroy(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  const chunks: Buffer[] = [];
  for await (const chunk of input) chunks.push(chunk as Buffer);
  signal.removeEventListener('abort', onAbort);
  return toText(Buffer.concat(chunks), file === undefined || file === '-' ? 'standard input' : file);
}

/** The beginning of what a person gave, on one line. */
export const shortened = (text: string) => {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
};
