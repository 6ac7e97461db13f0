import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { rehearse } from '../../lib/rehearsal/rehearse.ts';
import { WrittenAssembly } from './fixtures/assembly.ts';
import { until } from './fixtures/calls.ts';

/** A handler that never lets go of its processor, so that only a signal ends it. */
const SPINS = `export const handler = async () => { console.log('pid ' + process.pid + ' ' + process.cwd()); for (;;); };`;

/** A handler whose own child writes where it does, and would go on for ten minutes. */
const SPAWNS = `import { spawn } from 'node:child_process';
export const handler = async (event) => {
  console.log('grandchild ' + spawn('sleep', ['600'], { stdio: 'inherit' }).pid);
  if (event.exit) process.exit(1);
  await new Promise((resolve) => setTimeout(resolve, 600_000));
};`;

const childrenOf = (pid: number | undefined): readonly number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

function runs(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function hanging(
  assembly: string,
): Promise<{ readonly child: ChildProcess; readonly pids: readonly number[]; readonly folder: string }> {
  const script = join(import.meta.dirname, 'fixtures', 'rehearse-and-hang.ts');
  const child = spawn(process.execPath, ['--conditions=guildwire-source', script, assembly], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  let folder = '';
  for await (const line of createInterface({ input: child.stdout })) {
    folder = line.split(' ')[2] ?? '';
    if (line.startsWith('pid')) break;
  }
  return { child, pids: childrenOf(child.pid), folder };
}

test.for(['SIGKILL', 'SIGINT', 'SIGTERM'] as const)(
  'no process outlives a rehearsal whose own process got %s',
  async (signal) => {
    using assembly = new WrittenAssembly({ functions: { Spins: { code: SPINS, properties: { Timeout: 900 } } } });
    const { child, pids, folder } = await hanging(assembly.directory);
    const names = pids.map((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim());

    child.kill(signal);
    await once(child, 'exit');
    await until(() => !pids.some(runs) && !existsSync(folder));

    expect(folder).toContain('guildwire-rehearsal-');
    expect(names).toContain('dynoxide');
    expect(pids.length).toBeGreaterThanOrEqual(4);
  },
);

test('disposing ends everything, whatever it is doing', async () => {
  using assembly = new WrittenAssembly({ functions: { Spins: { code: SPINS, properties: { Timeout: 900 } } } });
  const before = new Set(childrenOf(process.pid));
  const rehearsal = await rehearse({ assembly: assembly.directory });
  const running = [rehearsal.invoke('Spins', {}), rehearsal.invoke('Spins', {})];
  await until(() => rehearsal.logsOf('Spins').filter(({ text }) => text.startsWith('pid')).length === 2);
  const started = childrenOf(process.pid).filter((pid) => !before.has(pid));

  await rehearsal[Symbol.asyncDispose]();
  const results = await Promise.all(running);
  await until(() => !started.some(runs));

  expect(started.length).toBeGreaterThanOrEqual(4);
  expect(results.map(({ functionError }) => functionError)).toEqual(['Unhandled', 'Unhandled']);
  await expect(fetch(rehearsal.apiUrl)).rejects.toThrow();
});

test.for([
  ['is killed', {}, 900],
  ['runs out of time', {}, 1],
  ['ends by itself', { exit: true }, 900],
] as const)('what a function has started is gone when its process %s', async ([, event, Timeout]) => {
  using assembly = new WrittenAssembly({ functions: { Spawns: { code: SPAWNS, properties: { Timeout } } } });
  await using rehearsal = await rehearse({ assembly: assembly.directory });
  const started = () => rehearsal.logsOf('Spawns').find(({ text }) => text.startsWith('grandchild '));
  const running = rehearsal.invoke('Spawns', event);
  await until(() => started() !== undefined);
  const pid = Number(started()?.text.split(' ')[1]);

  if (Timeout > 1) await rehearsal.killAll();
  const { functionError } = await running;
  await until(() => !runs(pid));

  expect(functionError).toBe('Unhandled');
});

test.for([
  ['is killed', {}],
  ['ends by itself', { exit: true }],
] as const)('nothing waits for what has left the group of a process that %s', async ([, event]) => {
  const code = SPAWNS.replace("stdio: 'inherit'", "stdio: 'inherit', detached: true");
  using assembly = new WrittenAssembly({ functions: { Leaves: { code, properties: { Timeout: 900 } } } });
  await using rehearsal = await rehearse({ assembly: assembly.directory });
  const left = () => rehearsal.logsOf('Leaves').find(({ text }) => text.startsWith('grandchild '));
  const running = rehearsal.invoke('Leaves', event);
  await until(() => left() !== undefined);
  onTestFinished(() => void process.kill(Number(left()?.text.split(' ')[1]), 'SIGKILL'));

  await rehearsal.killAll();
  const { payload } = await running;

  expect(JSON.parse(payload).errorMessage).toMatch(/Runtime exited with error: (?:exit status 1|signal: killed)$/);
});
