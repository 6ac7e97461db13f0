/** @module All commands, and what holds for each of them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { costCommand } from './commands/cost.ts';
import { dlqCommand } from './commands/dead-letters.ts';
import { devCommand } from './commands/dev.ts';
import { doctorCommand } from './commands/doctor.ts';
import { initCommand } from './commands/init.ts';
import { agentsCommand, explainCommand, topicsCommand } from './commands/look.ts';
import { pauseCommand, replayCommand, resumeCommand } from './commands/operate.ts';
import { publishCommand } from './commands/publish.ts';
import { historyCommand, tailCommand, threadCommand } from './commands/read.ts';
import { rehearseCommand } from './commands/rehearse.ts';
import { runGuildCommand } from './commands/run.ts';
import { workerCommand } from './commands/worker.ts';
import { ExitCode, toErrorJson, UsageError } from './failure.ts';

const groups: readonly (readonly [string, readonly (() => Command)[]])[] = [
  ['Build:', [initCommand, devCommand, runGuildCommand, workerCommand, doctorCommand, rehearseCommand, costCommand]],
  ['Say and read:', [publishCommand, tailCommand, historyCommand, threadCommand, topicsCommand, agentsCommand]],
  ['Operate:', [explainCommand, dlqCommand, replayCommand, pauseCommand, resumeCommand]],
];

/** Runs the command that the arguments name; its exit code is left in `process.exitCode`. */
export async function runProgram(args: readonly string[]): Promise<void> {
  const program = new Command('guildwire')
    .description('Publish/subscribe messaging for guilds of AI agents.')
    .version(versionOf(), '-V, --version', 'print the version')
    .addHelpText(
      'after',
      `
Exit codes: 0 done, 1 failed, 2 wrong use or configuration, 3 not there, 4 not reachable, 5 not allowed, 130 interrupted.
Settings come from flags, then GUILDWIRE_* variables, then guildwire.config.{ts,yaml,json}: see \`guildwire doctor --config\`.`,
    );
  for (const [title, commands] of groups) for (const create of commands) program.addCommand(create().helpGroup(title));
  prepare(program, args.includes('--json'));
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? ExitCode.DONE : ExitCode.USAGE;
  }
}

/** Commands inherit nothing from the one that they are added to. */
function prepare(command: Command, isJson: boolean): void {
  command
    .exitOverride()
    .showSuggestionAfterError()
    .helpOption('-h, --help', 'say how it is used')
    .configureOutput({ outputError: (text, write) => write(isJson ? `${toErrorJson(faultOf(text))}\n` : text) });
  if (command.commands.length > 0) command.helpCommand('help [command]', 'say how a command is used');
  if (!isJson) command.showHelpAfterError(`(guildwire ${pathOf(command)}--help says how it is used)`);
  for (const inner of command.commands) prepare(inner, isJson);
}

/** `dlq ls `: how the command is called, with a space behind each name. */
function pathOf(command: Command): string {
  return command.parent === null ? '' : `${pathOf(command.parent)}${command.name()} `;
}

/** `error: unknown option '--lenght'` and what was meant, as one error. */
function faultOf(text: string): UsageError {
  const [first = '', ...more] = text.trim().split('\n');
  return new UsageError([first.replace(/^error: /, ''), ...more].join(' '));
}

/** Of the package, two folders up from here in the source and in the build. */
function versionOf(): string {
  const manifest = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}
