// Makes sure that the tests have a Redis server to start: `redis-server` or `valkey-server` on the PATH, else Debian's
// package where this process may install it. `REDIS_URL` names a server that is there already. Runs on Node 20, hence no
// TypeScript.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const programs = ['redis-server', 'valkey-server'];
const folders = (process.env.PATH ?? '').split(delimiter);
const isProgram = (path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};
const isThere = (name) => folders.some((folder) => isProgram(join(folder, name)));

function aptGet(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Standard output belongs to whoever runs the script.
  return spawnSync('apt-get', ['-qq', ...args], { env, stdio: ['ignore', 2, 2] }).status === 0;
}

if (!process.env.REDIS_URL && !programs.some(isThere)) {
  const mayInstall = process.getuid?.() === 0 && isThere('apt-get');
  if (mayInstall) process.stderr.write('Installing redis-server (once) …\n');
  const isInstalled =
    mayInstall && aptGet('update') && aptGet('install', '-y', '--no-install-recommends', 'redis-server');
  if (!isInstalled || !programs.some(isThere)) {
    process.stderr.write(
      'guildwire set-up: the tests need a Redis server: `apt-get install redis-server` (Debian), `brew install redis` (macOS), or `docker run -p 6379:6379 redis:7` and REDIS_URL=redis://127.0.0.1:6379\n',
    );
    process.exit(1);
  }
}
