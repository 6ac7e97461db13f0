/** @module The configuration file of a project: found, read, and asked where in it a value stands. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigurationError } from './configuration-error.ts';
import { loadProblem } from './load-problem.ts';

export const CONFIG_FILES = ['guildwire.config.ts', 'guildwire.config.yaml', 'guildwire.config.json'] as const;

/** What somebody may take for a name of it. */
const UNREAD = ['yml', 'js', 'mjs', 'cjs', 'mts', 'cts', 'jsonc', 'toml'].map((ending) => `guildwire.config.${ending}`);

export interface ConfigFile {
  /** As errors name it. */
  readonly name: string;
  readonly path: string;
  readonly value: unknown;
  /** `:line:column` of a value, empty where a file cannot tell. */
  readonly placeOf: (path: readonly PropertyKey[]) => string;
}

/**
 * The file of a folder; undefined if it has none.
 *
 * @throws ConfigurationError for two files, or one that cannot be read.
 */
export async function readConfigFile(folder: string): Promise<ConfigFile | undefined> {
  const [name, second] = CONFIG_FILES.filter((file) => existsSync(join(folder, file)));
  const [unread] = UNREAD.filter((file) => existsSync(join(folder, file)));
  if (unread !== undefined)
    throw new ConfigurationError([{ field: unread, problem: `is not read: name it ${CONFIG_FILES.join(', or ')}` }]);
  if (name === undefined) return undefined;
  if (second !== undefined)
    throw new ConfigurationError([{ field: second, problem: `stands beside ${name}: keep one of them` }]);
  const path = join(folder, name);
  return name.endsWith('.ts') ? importFile(name, path) : parseFile(name, path);
}

async function importFile(name: string, path: string): Promise<ConfigFile> {
  try {
    const { default: value } = (await import(pathToFileURL(path).href)) as { default?: unknown };
    return { name, path, value, placeOf: () => '' };
  } catch (cause) {
    const problem = `cannot be loaded: ${loadProblem(cause)}`;
    throw new ConfigurationError([{ field: name, problem }], { cause });
  }
}

/** YAML, of which JSON is a part. Its parser is loaded only where there is a file: it takes time. */
async function parseFile(name: string, path: string): Promise<ConfigFile> {
  const { isNode, LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(path, 'utf8'), { lineCounter: lines });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    throw new ConfigurationError(
      document.errors.map(({ message, pos }) => ({
        field: `${name}${at(pos[0])}`,
        problem: message.split(' at line ')[0] ?? message,
      })),
    );
  }
  const placeOf = (path: readonly PropertyKey[]) => {
    for (let length = path.length; length > 0; length--) {
      const node: unknown = document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return at(node.range[0]);
    }
    return '';
  };
  return { name, path, value: document.toJS() as unknown, placeOf };
}
