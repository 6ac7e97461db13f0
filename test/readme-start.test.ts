import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const timeless = (text: string) => text.replace(/\d+\.\d s$/m, '… s');

/** The commands of the first block that begin with `npm start`, each with what it says after what is left out. */
function starts(): readonly { readonly args: readonly string[]; readonly said: string }[] {
  const block = /```console\n(?<text>[\s\S]*?)```/.exec(readme)?.groups?.text ?? '';
  return block.split(/^(?=\$ )/m).flatMap((part) => {
    const [, args = ''] = /^\$ npm start(?: -- (.*))?$/m.exec(part) ?? [];
    if (!part.startsWith('$ npm start')) return [];
    const said = part.slice(part.indexOf('\n') + 1).trimEnd();
    return [
      { args: args.split(' ').filter((arg) => arg !== ''), said: said.slice(said.indexOf('…\n') + 1).trimStart() },
    ];
  });
}

test('what `npm start` says is what the README says', () => {
  const folder = mkdtempSync(join(tmpdir(), 'guildwire-start-'));
  for (const name of ['README.md', 'examples']) symlinkSync(join(root, name), join(folder, name));
  const program = ['--conditions=guildwire-source', join(root, 'examples/doc-review/main.ts')];

  const found = starts().map(({ args, said }) => {
    // Both outputs in one stream, as on a terminal.
    const command = ['-c', 'exec "$0" "$@" 2>&1', process.execPath, ...program, ...args];
    const { stdout } = spawnSync('sh', command, { cwd: folder, encoding: 'utf8' });
    return { said: timeless(said), now: timeless(stdout.trimEnd()) };
  });
  rmSync(folder, { recursive: true });

  expect(found).toHaveLength(2);
  for (const { said, now } of found) expect(now).toContain(said);
});
