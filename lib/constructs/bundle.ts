/** @module The code of a guild's functions: one bundle for each agent, with nothing of the others in it, and those of the guild. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Code } from 'aws-cdk-lib/aws-lambda';
import type { Metafile } from 'esbuild';
import type { FieldFault } from '../core/errors.ts';
import type { GuildManifest } from '../environment/guild-manifest.ts';
import type { Agent } from '../guild/define-agent.ts';
import { buildFunctions, root } from './build-functions.ts';
import { bundleFaults } from './bundle-faults.ts';
import { type BundleParts, partsOf } from './bundle-parts.ts';
import { copyPackages } from './copy-packages.ts';
import { entryFault } from './entry-check.ts';

export type GuildRole = 'relay' | 'janitor' | 'ingest' | 'history';

export interface BundleOptions {
  /**
   * Packages that are copied beside a bundle instead of into it, since they read files of their own; with what they depend
   * on.
   *
   * @default - none
   */
  readonly nodeModules?: readonly string[];
}

export interface GuildBundle extends Disposable {
  readonly codeOfAgent: (name: string) => Code;
  readonly codeOf: (role: GuildRole) => Code;
  /** What they consist of, by the name of their folder. */
  readonly parts: ReadonlyMap<string, BundleParts>;
  /** What may fail when it runs. */
  readonly warnings: readonly string[];
}

const roles: readonly GuildRole[] = ['relay', 'janitor', 'ingest', 'history'];

const lambdas = join(root, 'lambdas');

/**
 * Bundles everything in one go. The same project gives the same bytes, in whatever folder it lies.
 *
 * A bundle is `index.mjs` with what several functions share, and what is loaded later if ever (attachments), in files beside it.
 *
 * @param refuse Takes what is wrong: an entry whose default export is another agent, a bundle that holds two agents, code that does not compile.
 */
export function bundleGuild(
  agents: readonly Agent[],
  manifest: GuildManifest,
  { nodeModules = [] }: BundleOptions,
  refuse: (faults: readonly FieldFault[]) => void,
): GuildBundle {
  refuse(agents.flatMap((agent) => entryFault(agent)));
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'guildwire-')));
  const dispose = () => rmSync(folder, { recursive: true, force: true });
  try {
    const entries = [...new Set(agents.map(({ entry }) => fileURLToPath(entry)))];
    const stubs = entries.map((entry, index) => {
      const stub = join(folder, `${stubName(index)}.ts`);
      writeFileSync(stub, stubOf(entry));
      return { in: stub, out: stubName(index) };
    });
    const hosts = roles.map((role) => ({ in: join(lambdas, `${role}.ts`), out: role }));
    // Apart, since what functions of one build share has in it what any of them uses.
    const built = [stubs, ...hosts.map((host) => [host])].map((entryPoints) => {
      const metafile = buildFunctions(entryPoints, folder, manifest, nodeModules, (faults) =>
        refuse(bundleFaults(faults)),
      );
      return { metafile, parts: entryPoints.map(({ out }) => [out, partsOf(metafile, out)] as const) };
    });
    const parts = new Map(built.flatMap((each) => each.parts));
    refuse(foreignAgents(entries, agents, parts));
    for (const [name, { files, packages }] of parts) {
      const into = join(folder, name);
      mkdirSync(into);
      for (const file of files) {
        const isEntry = basename(file) === `${name}.mjs`;
        copyFileSync(resolve(root, file), join(into, isEntry ? 'index.mjs' : basename(file)));
      }
      const used = nodeModules.filter((each) => packages.some((path) => path === each || path.startsWith(`${each}/`)));
      copyPackages(used, entries[indexOfStub(name)] ?? root, into);
    }
    // Anew each time: one object serves one stack.
    const codeIn = (name: string) => Code.fromAsset(join(folder, name));
    return {
      codeOfAgent: (name) => {
        const entry = agents.find((agent) => agent.name === name)?.entry ?? '';
        return codeIn(stubName(entries.indexOf(fileURLToPath(entry))));
      },
      codeOf: codeIn,
      parts,
      warnings: built.flatMap(({ metafile }) => readsBesideItself(metafile)),
      [Symbol.dispose]: dispose,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}

const STUB = 'agent-';
const stubName = (index: number) => `${STUB}${index}`;
const indexOfStub = (name: string) => (name.startsWith(STUB) ? Number(name.slice(STUB.length)) : -1);

/** Hosts one agent; under which name, its environment says. */
const stubOf = (entry: string) =>
  [
    `import agent from ${JSON.stringify(entry)};`,
    `import { agentHandler } from ${JSON.stringify(join(lambdas, 'agent.ts'))};`,
    'export const handler = agentHandler(agent);',
  ].join('\n');

const READS_BESIDE = [
  /new URL\(\s*[^()]*,\s*import\.meta\.url\s*\)/,
  /\b(?:join|resolve)\(\s*(?:__dirname|import\.meta\.dirname)\b/,
  /(?:\b__dirname|\bimport\.meta\.dirname)\s*\+/,
  /\$\{\s*(?:__dirname|import\.meta\.dirname)\s*\}/,
  /\bdirname\(\s*fileURLToPath\(\s*import\.meta\.url\b/,
];

/** In a bundle nothing lies beside a file any more. */
function readsBesideItself({ inputs }: Metafile): readonly string[] {
  const found = Object.keys(inputs).filter((input) => {
    const file = resolve(root, input);
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    return READS_BESIDE.some((reads) => reads.test(text));
  });
  return found.map((input) => {
    const isPackage = input.split('/').includes('node_modules');
    const advice = isPackage ? 'name its package in bundling.nodeModules' : 'write what is in it into a module';
    return `${input} looks for a file beside itself, which a bundle has not: ${advice}`;
  });
}

/** An agent that another one imports would lie in both bundles, and run in neither as it should. */
function foreignAgents(
  entries: readonly string[],
  agents: readonly Agent[],
  parts: ReadonlyMap<string, BundleParts>,
): FieldFault[] {
  return entries.flatMap((own, index) => {
    const found = parts.get(stubName(index))?.inputs.map((input) => resolve(root, input)) ?? [];
    const foreign = entries.filter((entry) => entry !== own && found.includes(entry));
    return foreign.map((entry) => {
      const name = agents.find((agent) => fileURLToPath(agent.entry) === own)?.name;
      const problem = `imports ${entry}, which is the file of another agent: move what they share into a file of its own`;
      return { field: `agents.${name}.entry`, problem };
    });
  });
}
