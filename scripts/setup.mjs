// Makes `npm start` and `npm test` work on a fresh clone: installs from the lockfile, and makes sure that Node 24 (the
// `node` package) is there to run the rest. Does nothing when all is there. Runs on Node 20, hence no TypeScript.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const node = `${root}node_modules/node/bin/node${process.platform === 'win32' ? '.exe' : ''}`;
const stamp = `${root}node_modules/.guildwire-setup`;
const digest = createHash('sha256')
  .update(readFileSync(`${root}package-lock.json`))
  .update(`${process.platform} ${process.arch}`)
  .digest('hex');

// The binary, not its folder: an install whose scripts were blocked leaves the folder without it.
const isReady = () => existsSync(node) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest;

function stop(problem) {
  process.stderr.write(`guildwire set-up: ${problem}\n`);
  process.exit(1);
}

if (!isReady()) {
  const npm = process.env.npm_execpath;
  if (!npm) stop('start it with npm: `npm start`, `npm test` or `npm run setup`');
  process.stderr.write('Setting up (once, under a minute) …\n');
  const { status } = spawnSync(process.execPath, [npm, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    // npm's own output goes to stderr, so that `npm start -- --json` prints JSON and nothing else.
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) stop('`npm ci` failed: what it said is above; repeat when that is mended');
  const version = spawnSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).stdout?.trim() ?? 'none';
  if (Number(version.split('.')[0]) < 24) {
    stop(
      `Node 24 is needed but \`node_modules/node\` gives ${version}: allow the install script of the package "node"`,
    );
  }
  writeFileSync(stamp, digest);
}
