import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('..', import.meta.url);
const readme = readFileSync(new URL('README.md', root), 'utf8');

test('the program of the README prints what the README says', () => {
  const program = /```ts\n(?<code>[\s\S]*?)```/.exec(readme)?.groups?.code ?? '';
  const folder = new URL('.snippets/readme/', root);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL('first.ts', folder), program);

  const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=guildwire-source', 'first.ts'], {
    cwd: folder,
    encoding: 'utf8',
  });
  rmSync(folder, { recursive: true });

  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "shouter { text: 'HELLO' }\n", stderr: '' });
});
