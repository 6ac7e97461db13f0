/** @module The guild of a file, or a plain reason why there is none. */
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Bus } from '../bus/bus.ts';
import { loadProblem, shown } from '../configuration/load-problem.ts';
import { GuildwireError } from '../core/errors.ts';
import { show } from '../core/show.ts';
import type { Guild } from '../guild/define-guild.ts';

/** A guild file that is missing, fails to load, or holds no guild. */
export class GuildFileError extends GuildwireError {
  readonly code = 'GUILD_FILE';
  readonly retryable = false;
}

/** What a guild file may export as `run`: what the guild does when it is run and nobody says what to publish. */
export type GuildRun = (bus: Bus, options: GuildRunOptions) => Promise<void> | void;

export interface GuildRunOptions {
  /** The file that was named behind that of the guild. */
  readonly file: string | undefined;
  /** Whether a program reads what is printed. */
  readonly json: boolean;
  /** Aborts when it should end. */
  readonly signal: AbortSignal;
}

/** The function that a guild file exports as `run` failed. */
export class GuildRunError extends GuildwireError {
  readonly code = 'RUN_FAILED';
  readonly retryable = false;
}

type Import = (path: string) => Promise<Readonly<Record<string, unknown>>>;
const importOnce: Import = (path) => import(pathToFileURL(path).href);

/** What a guild file that was loaded exports as `run`, if anything. */
export async function loadRun(file: string): Promise<GuildRun | undefined> {
  const { run } = await importOnce(guildPath(file));
  return typeof run === 'function' ? (run as GuildRun) : undefined;
}

/** What `run` threw, as a person is told: errors of Guildwire as they are, others with their place. */
export function runFailed(file: string, thrown: unknown): GuildwireError {
  if (thrown instanceof GuildwireError) return thrown;
  return new GuildRunError(`\`run\` of ${shown(guildPath(file))} failed: ${loadProblem(thrown)}`, { cause: thrown });
}

/** The absolute path of a guild file. @throws GuildFileError if there is none. */
export function guildPath(file: string): string {
  const path = resolve(file);
  if (!existsSync(path))
    throw new GuildFileError(`no file ${shown(path)}: name the file whose default export is your guild`);
  if (!statSync(path).isDirectory()) return path;
  throw new GuildFileError(`${file} is a folder: name the file in it whose default export is your guild`);
}

/**
 * The default export of a file.
 *
 * @param load How modules are loaded. @default once
 * @throws GuildFileError
 */
export async function loadGuild(file: string, load: Import = importOnce): Promise<Guild> {
  const path = guildPath(file);
  const name = shown(path);
  const loaded = await load(path).catch((cause: unknown) => {
    throw new GuildFileError(`${name} cannot be loaded: ${loadProblem(cause)}`, { cause });
  });
  if (isGuild(loaded.default)) return loaded.default;
  const named = Object.keys(loaded).find((key) => isGuild(loaded[key]));
  const got = 'default' in loaded ? `exports ${show(loaded.default)} as its default` : 'has no default export';
  const hint = named === undefined ? 'write `export default defineGuild(…)`' : `write \`export default ${named}\``;
  throw new GuildFileError(`${name} ${got}, and no guild: ${hint}`);
}

function isGuild(value: unknown): value is Guild {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'guildwire.guild';
}
