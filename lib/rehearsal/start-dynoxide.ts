/** @module The DynamoDB emulator: a binary, found through its package or a variable, started on a free port. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import type { Reaper } from './reaper.ts';
import { EmulatorMissingError } from './rehearsal-errors.ts';

const START_MS = 10_000;
const LOOK_MS = 10;
/** Somebody may take the port between finding it and listening on it. */
const STARTS = 3;

/**
 * The binary's path.
 *
 * @param given What `DYNOXIDE_BIN` says.
 * @throws EmulatorMissingError where there is none.
 */
export function findDynoxide(given: string | undefined): string {
  if (given !== undefined) {
    if (existsSync(given)) return given;
    throw new EmulatorMissingError(`DYNOXIDE_BIN is "${given}", where there is no file: correct it, or unset it`);
  }
  const name = `@dynoxide/${process.platform}-${process.arch}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return join(dirname(manifest), process.platform === 'win32' ? 'dynoxide.exe' : 'dynoxide');
  } catch (cause) {
    throw new EmulatorMissingError(
      `no DynamoDB emulator: npm package ${name} is not installed; install it, set DYNOXIDE_BIN to a dynoxide binary, ` +
        'or set DYNAMODB_ENDPOINT to a DynamoDB Local that runs',
      { cause },
    );
  }
}

export interface Dynoxide {
  readonly endpoint: string;
  /** Why it ended, once it has. */
  readonly ended: Promise<string>;
}

/**
 * Starts it with nothing in it, in memory. It ends with `reaper`.
 *
 * @throws EmulatorMissingError when it does not answer within ten seconds.
 */
export async function startDynoxide(binary: string, reaper: Reaper): Promise<Dynoxide> {
  for (let start = 1; ; start++) {
    const port = await freePort();
    const child = spawn(binary, ['--host', '127.0.0.1', '--port', `${port}`], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    let ended: string | undefined;
    const end = Promise.withResolvers<string>();
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-2000);
    });
    child.on('error', ({ message }) => {
      ended = message;
    });
    child.on('exit', (code, signal) => {
      ended ??= `it ended with ${signal ?? code}`;
      end.resolve(ended);
    });
    reaper.watch(child);
    const endpoint = `http://127.0.0.1:${port}`;
    const deadline = performance.now() + START_MS;
    while (ended === undefined && performance.now() < deadline) {
      if (await answers(endpoint)) return { endpoint, ended: end.promise };
      await wait(LOOK_MS);
    }
    child.kill('SIGKILL');
    if (start < STARTS && ended !== undefined) continue;
    const why = [ended ?? `no answer within ${START_MS} ms`, said.trim()].filter((text) => text !== '').join(': ');
    throw new EmulatorMissingError(`the DynamoDB emulator ${binary} does not start: ${why}`);
  }
}

/** Whether anything speaks HTTP there, whatever it says. */
export async function answers(endpoint: string): Promise<boolean> {
  return await fetch(endpoint, { signal: AbortSignal.timeout(1000) }).then(
    () => true,
    () => false,
  );
}
