/** @module The backend that a setting names: by URL, or a file of the user's own. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Backend } from '../backends/backend.ts';
import { openBackend } from '../backends/open-backend.ts';
import { loadProblem } from '../configuration/load-problem.ts';
import { GuildwireError, InvalidArgumentError } from '../core/errors.ts';
import { show } from '../core/show.ts';
import type { TopicFamilies } from '../core/topic-family.ts';

const isFile = (setting: string) => /\.[cm]?[jt]s$/.test(setting) && !/^[a-z][a-z0-9+.-]+:/i.test(setting);

/**
 * @param setting A URL, or a file whose default export is a function that gives a backend.
 * @throws InvalidArgumentError for what is neither, or cannot be loaded; errors of Guildwire as opening it throws them.
 */
export async function loadBackend(setting: string, families?: TopicFamilies): Promise<Backend> {
  const options = families === undefined ? {} : { families };
  if (!isFile(setting)) return openBackend(setting, options);
  const path = resolve(setting);
  if (!existsSync(path)) throw fault(`no file ${setting}`);
  const { default: open } = await told(
    `${setting} cannot be loaded`,
    async () => (await import(pathToFileURL(path).href)) as { readonly default?: unknown },
  );
  if (typeof open !== 'function')
    throw fault(`${setting} has ${show(open)} as its default export: write \`export default () => new MyBackend()\``);
  const opened: unknown = await told(`${setting} does not open its backend`, async () => open(options));
  if (isBackend(opened)) return opened;
  throw fault(`the default export of ${setting} gives ${show(opened)}: return what implements \`Backend\``);
}

/** What the user's code throws is the user's to mend, and no defect of ours. */
async function told<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof GuildwireError) throw error;
    throw fault(`${what}: ${loadProblem(error)}`);
  }
}

const fault = (problem: string) => new InvalidArgumentError([{ field: 'backend', problem }]);

function isBackend(value: unknown): value is Backend {
  if (typeof value !== 'object' || value === null) return false;
  const { append, read, lease, settle, features } = value as Partial<Backend>;
  return [append, read, lease, settle].every((method) => typeof method === 'function') && typeof features === 'object';
}
