import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'guildwire-offline-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Ends the process with 97 when it looks up a name or connects to anything but a file, and with 98 when it asks for Docker. */
const guard = `
import net from 'node:net';
import dns from 'node:dns';
import childProcess from 'node:child_process';
const refuse = (code, what) => (...args) => { console.error(what, args[0]); process.exit(code); };
const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : args;
  return typeof options === 'object' && options?.path !== undefined ? connect.apply(this, args) : refuse(97, 'connects')(options);
};
dns.lookup = refuse(97, 'looks up');
dns.promises.lookup = refuse(97, 'looks up');
for (const name of ['spawn', 'spawnSync', 'execFile', 'execFileSync', 'exec', 'execSync']) {
  const real = childProcess[name];
  childProcess[name] = (command, ...rest) => /\\bdocker\\b/.test(command) ? refuse(98, 'runs')(command) : real(command, ...rest);
}
(await import('node:module')).syncBuiltinESMExports();
`;

async function run(args: readonly string[]): Promise<{ readonly code: number | null; readonly said: string }> {
  const preload = `data:text/javascript,${encodeURIComponent(guard)}`;
  const child = spawn(process.execPath, ['--conditions=guildwire-source', '--import', preload, ...args], {
    cwd: root,
    // No credentials, no settings of AWS, no home with files of them.
    env: { PATH: process.env.PATH ?? '', HOME: folder, CDK_OUTDIR: join(folder, 'out') },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { said: await text(child.stderr), code: await ended };
}

test('synthesis needs no network, no credentials and no Docker', async () => {
  const control = await run(['--input-type=module', '--eval', `await fetch('http://192.0.2.1/').catch(() => {})`]);
  expect(control).toMatchObject({ code: 97 });

  const { code, said } = await run(['bin/app.ts']);

  expect({ code, said }).toMatchObject({ code: 0, said: expect.not.stringMatching(/connects|looks up|docker/i) });
  expect(readdirSync(join(folder, 'out'))).toContain('DocReview.template.json');
});
