/** @module How esbuild makes the files of functions. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type BuildFailure, buildSync, type Metafile } from 'esbuild';
import type { FieldFault } from '../core/errors.ts';
import type { GuildManifest } from '../environment/guild-manifest.ts';

/** Of this package, in its sources as in its build: both lie two folders below it. */
export const root = join(import.meta.dirname, '..', '..');

/** What CommonJS inside of a bundle asks for. */
const banner = "import{createRequire as __gw}from'node:module';const require=__gw(import.meta.url);";

/** Of every function, once it is deployed. */
const FILE = '/var/task/index.mjs';

/** Of a backend that a function opens only if its own code does. */
const REDIS_CLIENT = 'ioredis';

/**
 * Functions that are built together share files: each has what it alone reaches in its own.
 *
 * @param outdir Takes a `.mjs` file for each entry, and those that they share, beside each other.
 * @param nodeModules Packages that stay outside.
 */
export function buildFunctions(
  entryPoints: { in: string; out: string }[],
  outdir: string,
  manifest: GuildManifest,
  nodeModules: readonly string[],
  refuse: (faults: readonly FieldFault[]) => void,
): Metafile {
  try {
    return buildSync({
      entryPoints,
      outdir,
      absWorkingDir: root,
      bundle: true,
      // What is loaded lazily lies in files of its own; and sixty agents take a second instead of fifteen.
      splitting: true,
      platform: 'node',
      target: 'node24',
      format: 'esm',
      outExtension: { '.js': '.mjs' },
      minify: true,
      // Dead letters tell the names of errors.
      keepNames: true,
      legalComments: 'none',
      mainFields: ['module', 'main'],
      // So that an agent's `guildwire` and that of its host are the same files.
      conditions: ['guildwire-source', 'module'],
      external: [
        ...nodeModules.flatMap((name) => [name, `${name}/*`]),
        ...(isInstalled(REDIS_CLIENT) ? [] : [REDIS_CLIENT]),
      ],
      alias: { '@aws-sdk/credential-provider-node': join(root, 'lib', 'environment', 'function-credentials.ts') },
      define: {
        GUILDWIRE_MANIFEST: JSON.stringify(manifest),
        'import.meta.url': JSON.stringify(`file://${FILE}`),
        // ES modules lack both, and code in CommonJS asks for them, that of agents as well.
        __filename: JSON.stringify(FILE),
        __dirname: JSON.stringify(dirname(FILE)),
      },
      banner: { js: banner },
      metafile: true,
      logLevel: 'silent',
    }).metafile;
  } catch (error) {
    const { errors = [] } = error as Partial<BuildFailure>;
    if (errors.length === 0) throw error;
    refuse(
      errors.map(({ text, location }) => ({
        field: location === null ? 'bundle' : `${location.file}:${location.line}`,
        problem: text,
      })),
    );
    throw error;
  }
}

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}
