/** The document as text, or one line that says why it cannot be reviewed. */
import { readFile } from 'node:fs/promises';

/** A mistake of whoever called: shown as one line, without a stack trace. */
export class UsageError extends Error {}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'reading it is not permitted',
};

/** @throws UsageError if the file cannot be read, is empty, or is no text in UTF-8. */
export async function readDocument(path: string): Promise<string> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`cannot read ${JSON.stringify(path)}: ${reasons[error.code ?? ''] ?? error.message}`);
  });
  const zero = bytes.indexOf(0);
  if (zero >= 0) throw new UsageError(`cannot review ${JSON.stringify(path)}: it is no text (a zero byte at ${zero})`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`cannot review ${JSON.stringify(path)}: it is no text in UTF-8`);
  }
  if (text.trim() === '') throw new UsageError(`cannot review ${JSON.stringify(path)}: it is empty`);
  return text;
}
