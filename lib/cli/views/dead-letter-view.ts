/** @module Dead letters as a person reads them: one line each, or one with its original and its errors. */
import { join } from 'node:path';
import { placeOf } from '../../configuration/load-problem.ts';
import { deadLetterOf } from '../../core/dead-letter.ts';
import type { Fault } from '../../core/fault.ts';
import type { Message } from '../../core/message.ts';
import type { Io } from '../io.ts';
import { ago, printable, timeText } from './message-view.ts';
import { toTable } from './table.ts';

/** This library, whose own frames tell a person nothing. */
const OWN = /[/\\]node_modules[/\\]|\(node:|[/\\]guildwire[/\\](?:lib|dist)[/\\]/;
const OWN_FOLDER = join(import.meta.dirname, '../..');
const MAX_MESSAGE = 100;
const MAX_FRAMES = 6;

/** Whose it is, what it is about, and why, in columns that line up. */
export function toLetterTable(letters: readonly Message[], { paint }: Io): readonly string[] {
  const rows = letters.map((letter) => {
    const { agent, reason, topic, errors, attempts, lastAttemptAt } = deadLetterOf(letter);
    return [
      letter.id,
      paint('cyan', agent),
      paint('green', topic),
      paint('red', reason),
      attemptsText(attempts),
      ago(lastAttemptAt),
      titleOf(errors.at(-1)).slice(0, MAX_MESSAGE),
    ];
  });
  return toTable(rows);
}

/** The whole of it, the original and every error included; errors that are the same are told once. */
export function toLetterText(letter: Message, { paint }: Io): readonly string[] {
  const { agent, reason, topic, id, attempts, epoch, errors, original, raw, ...times } = deadLetterOf(letter);
  const again = epoch > 0 ? `, redriven or replayed ${epoch}×` : '';
  const span = `${timeText(times.firstAttemptAt)} to ${timeText(times.lastAttemptAt)}`;
  const payload =
    original === undefined
      ? [`bytes that are no message, base64: ${raw ?? ''}`]
      : [
          `payload (${original.format}): ${JSON.stringify(original.payload, null, 2).split('\n').map(printable).join('\n')}`,
        ];
  return [
    `${paint('cyan', agent)} could not handle ${paint('green', `${topic}/${id}`)}: ${paint('red', reason)}`,
    `${attemptsText(attempts)}, ${span}${again}`,
    ...payload,
    ...grouped(errors).flatMap(({ error, from, to }) => [
      '',
      `${from === to ? `attempt ${from}` : `attempts ${from} to ${to}`}: ${paint('red', titleOf(error))}`,
      ...framesOf(error).map((frame) => paint('dim', `    at ${frame}`)),
    ]),
  ];
}

const attemptsText = (attempts: number) => `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;

function titleOf(error: Fault | undefined): string {
  if (error === undefined) return '';
  const [line = ''] = error.message.split('\n');
  return printable(`${error.name ?? error.code}: ${line}`);
}

function grouped(errors: readonly Fault[]) {
  const groups: { readonly error: Fault; readonly from: number; to: number }[] = [];
  for (const [index, error] of errors.entries()) {
    const last = groups.at(-1);
    if (last !== undefined && last.error.stack === error.stack && last.error.message === error.message)
      last.to = index + 1;
    else groups.push({ error, from: index + 1, to: index + 1 });
  }
  return groups;
}

/** Places in the user's own files; all of them if there is none. */
function framesOf({ stack = '' }: Fault): readonly string[] {
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
  const own = frames.filter((frame) => !OWN.test(frame) && !frame.includes(OWN_FOLDER));
  return (own.length > 0 ? own : frames).slice(0, MAX_FRAMES).map((frame) => printable(frameText(frame)));
}

function frameText(frame: string): string {
  const [, name] = /^\s+at (?:async )?(.*?) \(/.exec(frame) ?? [];
  const place = placeOf(frame) ?? frame.replace(/^\s+at /, '');
  return name === undefined || /^Object\.|<anonymous>/.test(name) ? place : `${place} in ${name}`;
}
