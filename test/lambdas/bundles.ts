/** The functions of a guild as they are deployed, each run in a process of its own against emulators. */
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { bundleGuild, type GuildBundle } from '../../lib/constructs/bundle.ts';
import type { GuildManifest } from '../../lib/environment/guild-manifest.ts';
import type { Agent } from '../../lib/guild/define-agent.ts';

const packageOf = (path: string) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];

export interface Bundle {
  readonly file: string;
  /** Bytes of what is loaded when the function starts. */
  readonly initialBytes: number;
  /** Names of packages of which something lies in it. */
  readonly packages: readonly string[];
  /** Paths of what is loaded when the function starts. */
  readonly initialFiles: readonly string[];
  /** Files of this library, likewise. */
  readonly files: readonly string[];
}

export class Bundles implements Disposable {
  readonly #bundle: GuildBundle;

  constructor(agents: readonly Agent[], manifest: GuildManifest) {
    this.#bundle = bundleGuild(agents, manifest, {}, (faults) => {
      if (faults.length > 0) throw new Error(JSON.stringify(faults));
    });
  }

  agent(name: string): Bundle {
    return this.#described(this.#bundle.codeOfAgent(name));
  }

  role(name: 'ingest' | 'history' | 'relay' | 'janitor'): Bundle {
    return this.#described(this.#bundle.codeOf(name));
  }

  #described(code: object): Bundle {
    const folder = (code as { readonly path: string }).path;
    const name = basename(folder);
    const { initial = [], inputs = [] } = this.#bundle.parts.get(name) ?? {};
    const written = initial.map((path) => join(folder, basename(path).replace(`${name}.mjs`, 'index.mjs')));
    return {
      file: join(folder, 'index.mjs'),
      initialFiles: written,
      initialBytes: written.reduce((sum, path) => sum + statSync(path).size, 0),
      packages: [...new Set(inputs.flatMap((path) => packageOf(path) ?? []))].toSorted(),
      files: inputs.filter((path) => path.startsWith('lib/')),
    };
  }

  [Symbol.dispose](): void {
    this.#bundle[Symbol.dispose]();
  }
}

const invoke = `
const { handler } = await import(process.argv[1]);
const endsAt = Date.now() + 60_000;
const context = { awsRequestId: 'request-1', getRemainingTimeInMillis: () => endsAt - Date.now() };
const answer = await handler(JSON.parse(process.argv[2]), context);
process.stdout.write(JSON.stringify(answer));
process.exit(0);`;

/** What the function answers in a new process. @throws Error with what the process said, if it ended otherwise. */
export async function invoked(
  { file }: Bundle,
  event: unknown,
  environment: Readonly<Record<string, string>>,
): Promise<unknown> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', invoke, file, JSON.stringify(event)], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const [answer, said, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code !== 0) throw new Error(`ended with ${code}: ${said}`);
  return JSON.parse(answer) as unknown;
}
