/** @module What a command reads and writes: results on standard output, everything else on standard error. */
import { styleText } from 'node:util';
import { mayColour } from '../environment/variables.ts';

type Style = Parameters<typeof styleText>[0];

export interface Io {
  /** A result; in JSON mode the only thing on standard output. */
  line(text: string): void;
  /** What a person wants to know meanwhile; left out in JSON mode. */
  note(text: string): void;
  /** Always told, in JSON mode too. */
  warn(text: string): void;
  paint(style: Style, text: string): string;
  readonly isJson: boolean;
  /** Whether a person can answer. */
  readonly isInteractive: boolean;
  /** Aborted by Ctrl-C or a request to end. */
  readonly signal: AbortSignal;
}

export function processIo(isJson: boolean, signal: AbortSignal): Io {
  const hasColours = mayColour(process.stdout);
  const warn = (text: string) => void process.stderr.write(`${text}\n`);
  return {
    line: (text) => void process.stdout.write(`${text}\n`),
    note: (text) => (isJson ? undefined : warn(text)),
    warn,
    paint: (style, text) => (hasColours && !isJson ? styleText(style, text, { validateStream: false }) : text),
    isJson,
    isInteractive: process.stdin.isTTY === true && process.stdout.isTTY === true,
    signal,
  };
}
