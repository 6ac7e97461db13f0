/**
 * Checks, after a build, that the package works as a stranger gets it: packed, installed into an empty folder, with a project
 * that `guildwire init` makes. That project is tested, run and developed, synthesized with no credentials and rehearsed. Every
 * step has to end with 0; the first that does not is printed with what it said, and makes the exit code 1. Needs the npm
 * registry, or a cache that has what a project installs.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const workspace = mkdtempSync(join(tmpdir(), 'guildwire-package-'));
const project = join(workspace, 'demo');
// Node as it runs this, and none of npm's own settings of the script that it runs.
const PATH = `${dirname(process.execPath)}:${process.env.PATH ?? ''}`;
const outer = Object.entries(process.env).filter(
  ([name]) => !/^(?:npm_|NODE_OPTIONS$|GUILDWIRE_|AWS_|CDK_)/i.test(name),
);
const env = { ...Object.fromEntries(outer), PATH, NO_COLOR: '1', npm_config_loglevel: 'error' };

const STEP_MS = 120_000;

class StepError extends Error {}

function begin(command: readonly string[], cwd: string): ChildProcess & { readonly said: () => string } {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: STEP_MS });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (more) => (text += more));
  return Object.assign(child, { said: () => text });
}

/** What a command says, from its beginning to its end. */
async function run(command: readonly string[], cwd: string): Promise<string> {
  const child = begin(command, cwd);
  const [code] = await once(child, 'close');
  if (code !== 0) throw new StepError(`${command.join(' ')} ended with ${code}:\n${child.said()}`);
  return child.said();
}

function expect(said: string, wanted: RegExp, command: string): string {
  const [found] = wanted.exec(said) ?? [];
  if (found === undefined) throw new StepError(`${command} said nothing like ${wanted}:\n${said}`);
  return found;
}

/** `guildwire dev` in the project: something is published to it, is read back, and Ctrl-C ends it. */
async function develop(): Promise<void> {
  // Not through npx: Ctrl-C of a terminal reaches a whole group of processes, a signal only one.
  const dev = begin([join(project, 'node_modules/.bin/guildwire'), 'dev', '--port', '0'], project);
  const ended = once(dev, 'close');
  const until = async (wanted: RegExp) => {
    while (!wanted.test(dev.said())) {
      const [code] = await Promise.race([once(dev.stdout ?? dev, 'data').then(() => [undefined]), ended]);
      if (code !== undefined) throw new StepError(`guildwire dev ended with ${code}:\n${dev.said()}`);
    }
  };
  try {
    await until(/http:\/\/[\d.:]+ on memory:/);
    const url = expect(dev.said(), /http:\/\/[\d.:]+/, 'guildwire dev');
    const reference = await run(['npx', 'guildwire', 'publish', 'guests', '{"name":"Grace"}', '--url', url], project);
    await until(/HELLO, GRACE!/);
    const thread = await run(['npx', 'guildwire', 'thread', reference.trim(), '--url', url], project);
    expect(thread, /└─ shouter → greetings\.loud {2}\{"text":"HELLO, GRACE!"\}/, 'guildwire thread');
  } finally {
    dev.kill('SIGINT');
  }
  const [code] = await ended;
  if (code !== 0) throw new StepError(`guildwire dev ended with ${code} at Ctrl-C:\n${dev.said()}`);
}

/** What each entry point may import of the packages that a project need not install; the others import none. */
const peersOf: Readonly<Record<string, readonly string[]>> = {
  aws: ['@aws-sdk/client-dynamodb', '@aws-sdk/client-sqs'],
  constructs: ['aws-cdk-lib', 'constructs', 'esbuild'],
  lambda: ['@aws-sdk/client-dynamodb', '@aws-sdk/client-sqs'],
  testing: ['vitest'],
};

/** Imports an entry point where of all those packages only its own can be found. */
async function importAlone(entry: string, optional: readonly string[]): Promise<void> {
  const name = `guildwire/${entry}`.replace(/\/\.$/, '');
  const missing = optional.filter((peer) => !peersOf[entry]?.includes(peer));
  const program = `
    import { registerHooks } from 'node:module';
    const missing = new RegExp('^(?:${missing.join('|')})(?:/|$)');
    registerHooks({
      resolve(specifier, context, next) {
        if (missing.test(specifier)) throw new Error(specifier + ' is imported by ' + context.parentURL);
        return next(specifier, context);
      },
    });
    await import('${name}');`;
  await run([process.execPath, '--input-type=module', '--eval', program], project);
}

/**
 * The stack of the project, as far as one gets without an account.
 *
 * @returns How long `cdk synth` took, in s.
 */
async function rehearse(): Promise<number> {
  const startedAt = performance.now();
  await run(['npm', 'run', 'synth'], project);
  const synthS = (performance.now() - startedAt) / 1_000;
  const guests = ['guildwire', 'rehearse', '--topic', 'guests', '--payload', '{"name":"Alan"}'];
  const said = await run(['npx', ...guests], project);
  expect(
    said,
    /greeter → greetings\.quiet[^\n]*Hello, Alan![\s\S]*shouter → greetings\.loud[^\n]*HELLO, ALAN!/,
    guests.join(' '),
  );
  return synthS;
}

/** @returns How long `cdk synth` took, in s. */
async function check(): Promise<number> {
  const packed = await run(['npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', workspace], root);
  const [{ filename }] = JSON.parse(packed) as [{ readonly filename: string }];
  const tarball = join(workspace, filename);
  const tool = join(workspace, 'tool');
  mkdirSync(tool);
  const install = ['npm', 'install', '--no-audit', '--no-fund', '--prefer-offline'];
  await run([...install, tarball], tool);
  await run(['npx', 'guildwire', 'init', '../demo'], tool);
  const manifest = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));
  // As it is published, the version that it names is in the registry.
  manifest.dependencies.guildwire = `file:${tarball}`;
  // The Node that runs this will do; a second one is 126 MB.
  delete manifest.devDependencies.node;
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest, undefined, 2));
  await run(install, project);
  expect(await run(['npm', 'test'], project), /1 passed/, 'npm test');
  await run(['npx', 'tsc', '--noEmit'], project);
  const guests = ['guildwire', 'run', 'guild.ts', '--topic', 'guests', '--payload', '{"name":"Ada"}'];
  expect(await run(['npx', ...guests], project), /HELLO, ADA![\s\S]*2 handled/, guests.join(' '));
  await develop();
  const { exports, peerDependenciesMeta } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  // The project does not install the client of Redis.
  const entries = Object.keys(exports).filter((entry) => !['./package.json', './redis'].includes(entry));
  const alone = (entry: string) => importAlone(entry.replace(/^\.\/(?=.)/, ''), Object.keys(peerDependenciesMeta));
  await Promise.all(entries.map(alone));
  return rehearse();
}

const startedAt = performance.now();
try {
  const synthS = await check();
  const allS = (performance.now() - startedAt) / 1_000;
  console.log(`the package works in an empty folder (${allS.toFixed(0)} s, of which cdk synth ${synthS.toFixed(1)} s)`);
} catch (error) {
  if (!(error instanceof StepError)) throw error;
  console.log(error.message);
  process.exitCode = 1;
} finally {
  rmSync(workspace, { recursive: true, force: true });
}
