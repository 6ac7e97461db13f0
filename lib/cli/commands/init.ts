/** @module `guildwire init`: a new project with two agents, a test and a stack. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { Command } from 'commander';
import { ExitCode, UsageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { runCommand } from '../run-command.ts';

interface Flags {
  readonly json?: boolean;
}

const TEMPLATE = join(import.meta.dirname, '../../../templates/project');
const MANIFEST = join(import.meta.dirname, '../../../package.json');

export function initCommand(): Command {
  return new Command('init')
    .description('a new project: two agents, a guild, a test, and a stack for AWS')
    .argument('[folder]', 'where; made if it is not there', '.')
    .option('--json', 'results as JSON')
    .addHelpText('after', '\nExample:\n  $ guildwire init my-guild && cd my-guild && npm install && npm test')
    .action((folder: string, flags: Flags) => runCommand(flags, (io) => init(folder, io)));
}

async function init(given: string, io: Io): Promise<ExitCode> {
  const folder = resolve(given);
  const name = projectName(folder);
  if (existsSync(folder) && !statSync(folder).isDirectory())
    throw new UsageError(`${given} is a file: name a folder that is new or empty`);
  const inTheWay = existsSync(folder) ? readdirSync(folder).filter((file) => !file.startsWith('.')) : [];
  if (inTheWay.length > 0)
    throw new UsageError(
      `${given} is not empty (${inTheWay.slice(0, 3).join(', ')}): name a folder that is new or empty`,
    );
  const { version } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { readonly version: string };
  const files = readdirSync(TEMPLATE, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const file of files) {
    const source = join(file.parentPath, file.name);
    // npm leaves .gitignore files out of packages.
    const path = join(folder, relative(TEMPLATE, source).replace(/^gitignore$/, '.gitignore'));
    if (existsSync(path)) continue;
    const text = readFileSync(source, 'utf8')
      .replaceAll('{{name}}', name)
      .replaceAll('{{stack}}', stackName(name))
      .replaceAll('{{guildwire}}', version);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    const shown = relative(process.cwd(), path);
    io.line(io.isJson ? JSON.stringify({ file: shown }) : shown);
  }
  const enter = folder === process.cwd() ? '' : `cd ${/^[\w./-]+$/.test(given) ? given : `'${given}'`} && `;
  io.note(`\nnext: ${enter}npm install && npm test && npm run dev`);
  return ExitCode.DONE;
}

/** The name of the folder, as packages and guilds may be called. */
function projectName(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 48);
  return name.length < 3 ? 'my-guild' : name;
}

/** As CloudFormation's: letters, digits and hyphens, a letter first. */
function stackName(name: string): string {
  const words = name.split('-').map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`);
  return words.join('').replace(/^(?=\d)/, 'Guild');
}
