/**
 * `npm run bench:aws-bundles`: what the functions of a guild weigh, and how long their processes take from their start until
 * they ask for an event, against the same work on the bare SDK. The processes run Lambda's loop as a rehearsal does; nothing
 * slows them down to the share of a CPU that a function's memory would buy.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { buildSync } from 'esbuild';
import { defineGuild } from 'guildwire';
import { bundleGuild, type GuildBundle, type GuildRole } from '../lib/constructs/bundle.ts';
import { manifestOf } from '../lib/constructs/manifest-of.ts';
import { awsVariables } from '../lib/environment/aws-variables.ts';
import { runtimeScript } from '../lib/rehearsal/functions/runtime-script.ts';
import agent from './aws-bundles/agent.ts';
import { type Case, type Measured, measure, medianOf, ratio } from './rounds.ts';

const ROUNDS = Number(process.argv[2] ?? 15);
const roles: readonly GuildRole[] = ['relay', 'janitor', 'ingest', 'history'];
const bareOf = {
  agent: 'bare-agent',
  relay: 'bare-relay',
  janitor: 'bare-janitor',
  ingest: 'bare-edge',
  history: 'bare-edge',
};
type Bare = (typeof bareOf)[keyof typeof bareOf];

const scratch = mkdtempSync(join(tmpdir(), 'guildwire-bench-'));
const guild = defineGuild({ name: 'bench', agents: [agent], topics: { asked: {}, answered: {} } });
using bundle = bundleGuild([agent], manifestOf(guild), {}, (faults) => {
  if (faults.length > 0) throw new Error(JSON.stringify(faults));
});

/** As `NodejsFunction` of the CDK would, with the settings that make the SDK smallest and fastest. */
function buildBare(name: Bare): string {
  const outdir = join(scratch, name);
  buildSync({
    entryPoints: { index: join(import.meta.dirname, 'aws-bundles', `${name}.ts`) },
    outdir,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    minify: true,
    legalComments: 'none',
    mainFields: ['module', 'main'],
    banner: { js: "import{createRequire as __gw}from'node:module';const require=__gw(import.meta.url);" },
  });
  return outdir;
}

/** Bytes of all files of a bundle, and of those that are loaded when it starts. */
function bytesOf(folder: string, { parts }: GuildBundle): readonly [all: number, initial: number] {
  const sizeOf = (file: string) => statSync(join(folder, file)).size;
  const name = basename(folder);
  const initial = parts.get(name)?.initial.map((file) => basename(file).replace(`${name}.mjs`, 'index.mjs'));
  const sum = (files: readonly string[]) => files.reduce((bytes, file) => bytes + sizeOf(file), 0);
  const files = readdirSync(folder);
  return [sum(files), sum(initial ?? files)];
}

let asked: (() => void) | undefined;
const server = createServer(() => asked?.()).listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;

const named = Object.values(awsVariables).map((name) => [name, name.endsWith('AGENT') ? agent.name : 'bench'] as const);

/** From the start of a process to its first question for an event. */
async function start(folder: string): Promise<void> {
  const question = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const child = spawn(process.execPath, ['--input-type=module', '-e', runtimeScript], {
    cwd: folder,
    env: {
      ...Object.fromEntries(named),
      AWS_ACCESS_KEY_ID: 'bench',
      AWS_SECRET_ACCESS_KEY: 'bench',
      AWS_REGION: 'us-east-1',
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
      LAMBDA_TASK_ROOT: folder,
      _HANDLER: 'index.handler',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = once(child, 'close');
  await Promise.race([question, ended]);
  if (child.exitCode !== null) throw new Error(`${folder} ended with ${child.exitCode}: ${said}`);
  children.push({ kill: () => child.kill('SIGKILL'), ended });
}

const children: { readonly kill: () => void; readonly ended: Promise<unknown> }[] = [];
/** Before the next round, and not in its time. */
async function killed(): Promise<void> {
  for (const child of children) child.kill();
  await Promise.all(children.splice(0).map(({ ended }) => ended));
}

const folderOf = (code: object) => (code as { readonly path: string }).path;
const ours = new Map([
  ['agent', folderOf(bundle.codeOfAgent(agent.name))] as const,
  ...roles.map((role) => [role, folderOf(bundle.codeOf(role))] as const),
]);
const bare = new Map([...new Set(Object.values(bareOf))].map((name) => [name, buildBare(name)] as const));
const cases = [...ours, ...bare].map(
  ([name, folder]): Case => ({ name, count: 1, prepare: killed, run: () => start(folder) }),
);

try {
  const measured = await measure(cases, ROUNDS, 2);
  await killed();
  const ms = (name: string) => (medianOf(measured.find((each) => each.name === name) as Measured) / 1e6).toFixed(0);
  const kb = (bytes: number) => `${(bytes / 1_000).toFixed(0)} KB`;
  console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, ${ROUNDS} rounds\n`);
  console.log('| function | loaded at the start | with what is loaded later | bare SDK | start | bare SDK | ratio |');
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  for (const [name, folder] of ours) {
    const other = bareOf[name];
    const [all, initial] = bytesOf(folder, bundle);
    const [bareBytes] = bytesOf(bare.get(other) ?? '', bundle);
    const [median, low, high] = ratio(measured, name, other);
    const times = `${ms(name)} ms | ${ms(other)} ms | ${median.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
    console.log(`| ${name} | ${kb(initial)} | ${kb(all)} | ${kb(bareBytes)} | ${times} |`);
  }
} finally {
  await killed();
  server.closeAllConnections();
  server.close();
  rmSync(scratch, { recursive: true, force: true });
}
