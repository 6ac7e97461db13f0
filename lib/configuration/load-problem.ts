/** @module Why a file of the user's could not be loaded, in one line that names the place. */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GuildwireError } from '../core/errors.ts';
import { show } from '../core/show.ts';

/** What was thrown, and where in the user's files, without the rest of the stack. */
export function loadProblem(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `it throws ${show(thrown)}`;
  const [message = ''] = thrown.message.split('\n');
  if (thrown instanceof GuildwireError) return message;
  const missing = /^Cannot find package '((?:@[^/']+\/)?[^/']+)/.exec(message)?.[1];
  if (missing !== undefined) return `${inProject(message)}: install it with \`npm install ${missing}\``;
  if (/^Cannot find module/.test(message)) return inProject(message);
  const place = placeOf(thrown.stack ?? '');
  return place === undefined ? message : `${message} (${place})`;
}

/** The first place of a stack that is a file, and not Node's own: `agents/grammar.ts:3:7`. */
export function placeOf(stack: string): string | undefined {
  for (const [, url, path, place] of stack.matchAll(
    /(?<=^|[\s(])(?:(file:\/\/[^\s()]+?)|(\/[^\s():]+?))(?:\?v=\d+)?(:\d+(?::\d+)?)/g,
  )) {
    const file = url === undefined ? path : fileURLToPath(url);
    if (file !== undefined) return `${shown(file)}${place}`;
  }
  return undefined;
}

/** A path as a person at this folder calls it. */
export function shown(path: string): string {
  const near = relative(process.cwd(), path);
  return near === '' || near.startsWith('..') ? path : near;
}

const inProject = (message: string) => message.replaceAll(/(?<=['\s])\/[^\s']+/g, (path) => shown(path));
