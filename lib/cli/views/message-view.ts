/** @module A message as a person reads it: a line of a chat, or a node of a tree; and as JSON for programs. */
import { DEAD_LETTER_FORMAT, deadLetterOf } from '../../core/dead-letter.ts';
import { priorityOf, timeOf } from '../../core/gemstone-id.ts';
import { type Message, toReference } from '../../core/message.ts';
import type { Io } from '../io.ts';

const MAX_PAYLOAD = 160;

/** One message as one line of JSON: its fields, and what its id tells. */
export function toJsonLine(message: Message): string {
  return JSON.stringify({ ...message, timestamp: timeOf(message.id), priority: priorityOf(message.id) });
}

/**
 * `12:03:11.123  user:ada → doc.tasks  doc.task {"text":"Hello"}`.
 *
 * @param withIds With `doc.tasks/01K…`, the reference, in the place of the topic.
 */
export function toChatLine(message: Message, io: Io, withIds = false): string {
  const time = io.paint('dim', timeText(timeOf(message.id)));
  const format = io.paint('dim', message.format);
  return `${time}  ${arrowText(message, io, withIds)}  ${format} ${payloadText(message)}`;
}

function arrowText(message: Message, { paint }: Io, withIds: boolean): string {
  const sender = paint('cyan', printable(message.sender.name ?? message.sender.id));
  const place = paint('green', withIds ? toReference(message) : message.topic);
  return `${sender} → ${place}${message.status === 'error' ? paint('red', ' ✗') : ''}`;
}

/** On one line, and without what a terminal would take for a command. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}

/** Local time of day. */
export function timeText(ms: number): string {
  const time = new Date(ms);
  const two = (value: number) => String(value).padStart(2, '0');
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':');
  return `${clock}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

/** A length of time, in the unit that fits. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${ms} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} d`;
}

/** How long ago something was. */
export function ago(ms: number): string {
  return `${durationText(Math.max(0, Date.now() - ms))} ago`;
}

export function payloadText(message: Message, most = MAX_PAYLOAD): string {
  // Nobody else may publish there; anybody may use the name of the format.
  const isLetter = message.topic.startsWith('$') && message.format === DEAD_LETTER_FORMAT;
  const text = printable(isLetter ? letterText(message) : (JSON.stringify(message.payload) ?? ''));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** What could not be handled, and why. */
function letterText(message: Message): string {
  const { topic, id, reason, errors } = deadLetterOf(message);
  const last = errors.at(-1);
  return `${topic}/${id} ${reason}: ${last?.name ?? last?.code ?? ''}: ${last?.message ?? ''}`;
}

/**
 * A thread as an indented tree: each message below the one that it answers or continues, with the time since the root. What
 * has a parent that is not among them stands at the top.
 */
export function toTree(messages: readonly Message[], io: Io, withIds = false): readonly string[] {
  const byReference = new Map(messages.map((message) => [toReference(message) as string, message]));
  const ids = new Map(messages.map((message) => [message.id as string, message]));
  const children = new Map<Message | undefined, Message[]>();
  for (const message of messages) {
    const parent = message.thread.at(-1);
    const above = parent === undefined ? undefined : (byReference.get(parent) ?? ids.get(parent.split('/')[1] ?? ''));
    const siblings = children.get(above);
    if (siblings === undefined) children.set(above, [message]);
    else siblings.push(message);
  }
  const startedAt = Math.min(...messages.map(({ id }) => timeOf(id)));
  const lines: string[] = [];
  const add = (message: Message, indent: string, isLast: boolean, isTop: boolean) => {
    const after = io.paint('dim', `+${durationText(timeOf(message.id) - startedAt)}`);
    const branch = isTop ? '' : `${indent}${isLast ? '└─ ' : '├─ '}`;
    lines.push(`${branch}${arrowText(message, io, withIds)}  ${payloadText(message, 100)}  ${after}`);
    const below = children.get(message) ?? [];
    const inner = isTop ? '' : `${indent}${isLast ? '   ' : '│  '}`;
    for (const [index, child] of below.entries()) add(child, inner, index === below.length - 1, false);
  };
  for (const root of children.get(undefined) ?? []) add(root, '', true, true);
  return lines;
}
