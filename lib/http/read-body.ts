/** @module The body of a request: JSON in UTF-8, and no more of it than allowed. */
import { GuildwireError } from '../core/errors.ts';
import { BodyTooLargeError, MalformedBodyError, UnsupportedMediaTypeError } from './http-errors.ts';
import type { Header } from './route.ts';

const PLAIN_TYPE = 'application/json';
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;\s*charset="?utf-8"?\s*)?$/i;
const decoder = new TextDecoder('utf-8', { fatal: true });
const NOT_UTF8 = 'the body is not UTF-8: send JSON in UTF-8';
const REPLACEMENT = '\ufffd';

/**
 * The body, parsed.
 *
 * @throws UnsupportedMediaTypeError, BodyTooLargeError, MalformedBodyError
 */
export async function readJson(request: Request, header: Header, maxBytes: number): Promise<unknown> {
  const type = header('content-type');
  if (type !== PLAIN_TYPE && (type === null || !JSON_TYPE.test(type))) throw new UnsupportedMediaTypeError(type);
  const announced = Number(header('content-length') ?? Number.NaN);
  if (announced > maxBytes) throw new BodyTooLargeError(maxBytes);
  // A server reads no more than what was announced, and text in one piece is much faster.
  const read = Number.isInteger(announced) ? request.text() : readPieces(request, maxBytes);
  const text = await read.catch((cause: unknown) => {
    if (cause instanceof GuildwireError) throw cause;
    throw new MalformedBodyError('the body ended before it was complete: send it again', { cause });
  });
  // What is not UTF-8 was replaced, and then the length is another.
  if (text.includes(REPLACEMENT) && Number.isInteger(announced) && Buffer.byteLength(text) !== announced)
    throw new MalformedBodyError(NOT_UTF8);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    // Where it is wrong, but not what stands there.
    const [place] = / at position \d+/.exec((error as Error).message) ?? [''];
    throw new MalformedBodyError(`the body is not JSON${place}: send a JSON value`);
  }
}

async function readPieces(request: Request, maxBytes: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of request.body ?? []) {
    bytes += piece.length;
    if (bytes > maxBytes) throw new BodyTooLargeError(maxBytes);
    pieces.push(piece);
  }
  try {
    return decoder.decode(Buffer.concat(pieces));
  } catch {
    throw new MalformedBodyError(NOT_UTF8);
  }
}
