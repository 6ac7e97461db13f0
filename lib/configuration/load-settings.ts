/** @module The settings that hold: flags over the environment over the configuration file over the defaults. */
import { dirname, isAbsolute, join } from 'node:path';
import type { FieldFault } from '../core/errors.ts';
import { environmentSettings, settingVariables } from '../environment/variables.ts';
import { type ConfigFile, readConfigFile } from './config-file.ts';
import { ConfigurationError } from './configuration-error.ts';
import { masked } from './masked.ts';
import { didYouMean } from './nearest.ts';
import { namesIn, SECRETS, type Settings, settingsSchema } from './settings.ts';

/** A value, and who says so: `default`, a place in a file, a variable, or a flag. */
export interface Sourced {
  readonly path: string;
  /** Secrets are masked, and so are passwords in URLs. */
  readonly value: unknown;
  readonly source: string;
}

export interface LoadedSettings {
  readonly settings: Settings;
  /** Every value that is set, in the order of the schema. */
  readonly sources: readonly Sourced[];
}

export interface LoadOptions {
  readonly folder: string;
  /** Flags of the command line, by dotted path. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** @default - that of the process */
  readonly environment?: NodeJS.ProcessEnv;
}

type Tree = { [key: string]: unknown };
const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * @throws ConfigurationError with every fault of file, environment and flags, and the place of each.
 */
export async function loadSettings({ folder, flags = {}, environment }: LoadOptions): Promise<LoadedSettings> {
  const file = await readConfigFile(folder);
  const merged: Tree = isTree(file?.value) ? copyOf(file.value) : {};
  const faults: FieldFault[] = [...fileFaults(file)];
  const said = new Map<string, string>();
  const { set, unknown } = environmentSettings(environment);
  for (const variable of unknown) {
    const problem = `is no variable of Guildwire: ${didYouMean(variable, Object.keys(settingVariables))}`;
    faults.push({ field: variable, problem });
  }
  for (const { variable, path, value } of set) {
    put(merged, path, numeric(path, value));
    said.set(path, variable);
  }
  for (const [path, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    put(merged, path, value);
    said.set(path, `--${path.split('.').at(-1)}`);
  }
  const sourceOf = (path: readonly PropertyKey[]): string | undefined => {
    const given = said.get(path.join('.'));
    if (given !== undefined) return given;
    return file !== undefined && has(file.value, path) ? `${file.name}${file.placeOf(path)}` : undefined;
  };
  const parsed = settingsSchema.safeParse(merged);
  if (!parsed.success) faults.push(...schemaFaults(parsed.error.issues, sourceOf, file));
  if (faults.length > 0 || !parsed.success) throw new ConfigurationError(faults);
  const settings = besideFile(parsed.data, file, said);
  return { settings, sources: leaves(settings).map(({ path, value }) => sourced(path, value, sourceOf(path))) };
}

function fileFaults(file: ConfigFile | undefined): FieldFault[] {
  if (file === undefined) return [];
  const { name, value } = file;
  if (value === null) return [];
  if (!isTree(value)) return [{ field: name, problem: 'holds no object: begin with `backend: "memory:"`, say' }];
  return SECRETS.filter((secret) => Object.hasOwn(value, secret)).map((secret) => ({
    field: `${name}${file.placeOf([secret])} ${secret}`,
    problem: `is a secret: take it out of the file and set GUILDWIRE_${secret.toUpperCase()}`,
  }));
}

interface Issue {
  readonly code?: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
}

function schemaFaults(
  issues: readonly Issue[],
  sourceOf: (path: readonly PropertyKey[]) => string | undefined,
  file: ConfigFile | undefined,
): FieldFault[] {
  const at = (path: readonly PropertyKey[], problem: string): FieldFault => {
    const source = sourceOf(path) ?? file?.name ?? 'configuration';
    return { field: source.startsWith('GUILDWIRE_') ? source : `${source} ${path.join('.')}`, problem };
  };
  return issues.flatMap(({ path, message, keys }) =>
    keys === undefined
      ? [at(path, lower(message))]
      : keys.map((key) => at([...path, key], `is unknown: ${didYouMean(key, namesIn(path))}`)),
  );
}

const lower = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);

/** Paths in a file are relative to it, those of flags and variables to where one is. */
function besideFile(settings: Settings, file: ConfigFile | undefined, said: ReadonlyMap<string, string>): Settings {
  if (file === undefined) return settings;
  const fromFile = (path: string) => (isAbsolute(path) ? path : join(dirname(file.path), path));
  const { guild, backend } = settings;
  return {
    ...settings,
    ...(guild !== undefined && !said.has('guild') && { guild: fromFile(guild) }),
    ...(backend.startsWith('.') && !said.has('backend') && { backend: fromFile(backend) }),
  };
}

/** Of the trees; what else a TypeScript file may hold is left for the schema to refuse. */
function copyOf(tree: Tree): Tree {
  return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, isTree(value) ? copyOf(value) : value]));
}

function numeric(path: string, value: string): unknown {
  return path.endsWith('.port') && /^\d+$/.test(value) ? Number(value) : value;
}

function put(tree: Tree, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop() as string;
  let at = tree;
  for (const key of keys) {
    if (!isTree(at[key])) at[key] = {};
    at = at[key] as Tree;
  }
  at[last] = value;
}

function has(value: unknown, path: readonly PropertyKey[]): boolean {
  let at = value;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return false;
    at = (at as Record<PropertyKey, unknown>)[key];
  }
  return true;
}

function leaves(value: unknown, path: readonly string[] = []): { path: readonly string[]; value: unknown }[] {
  if (!isTree(value)) return value === undefined ? [] : [{ path, value }];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]));
}

function sourced(keys: readonly string[], value: unknown, source = 'default'): Sourced {
  const path = keys.join('.');
  if (SECRETS.includes(path)) return { path, value: '(secret)', source };
  return { path, value: typeof value === 'string' ? masked(value) : value, source };
}
