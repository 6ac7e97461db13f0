/** @module `guildwire run` and `guildwire worker`: a guild at work from the command line. */
import { Command } from 'commander';
import type { Backend } from '../../backends/backend.ts';
import { masked } from '../../configuration/masked.ts';
import type { GemstoneId } from '../../core/gemstone-id.ts';
import type { Guild } from '../../guild/define-guild.ts';
import type { RunningGuild } from '../../guild/running-guild.ts';
import { ExitCode, UsageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { list, type SharedFlags, settingsOf, withOutput } from '../options.ts';
import { payloadOf, readAll } from '../payload-input.ts';
import { runCommand } from '../run-command.ts';

interface RunFlags extends SharedFlags {
  readonly topic: string;
  readonly payload?: string;
  readonly format?: string;
}

interface WorkerFlags extends SharedFlags {
  readonly agents?: readonly string[];
}

export function runGuildCommand(): Command {
  return withOutput(new Command('run'))
    .description('start a guild, publish one message, wait until all that it sets off is done, print what is said')
    .argument('<guild>', 'file whose default export is the guild')
    .argument('[file]', 'file with the payload; - reads standard input')
    .requiredOption('-t, --topic <topic>', 'where to publish')
    .option('--payload <json>', 'the payload itself: JSON, or plain text')
    .option('-f, --format <name>', 'its format (default: the only one that the topic or its agents take)')
    .option('-b, --backend <backend>', 'backend to run on (default: memory:)')
    .addHelpText(
      'after',
      `\nExamples:\n  $ guildwire run guild.ts --topic said --payload '{"text":"hello"}'\n  $ guildwire run guild.ts task.json --topic doc.tasks --json`,
    )
    .action((guild: string, file: string | undefined, flags: RunFlags) =>
      runCommand(flags, (io) => runOnce(guild, file, flags, io)),
    );
}

export function workerCommand(): Command {
  return withOutput(new Command('worker'))
    .description('run some agents of a guild, until Ctrl-C')
    .argument('<guild>', 'file whose default export is the guild')
    .option('-a, --agents <names>', 'which, with commas between them (default: all)', list)
    .option('-b, --backend <backend>', 'backend that the processes of the guild share')
    .addHelpText(
      'after',
      '\nExample:\n  $ guildwire worker guild.ts --agents grammar,clarity --backend ./my-backend.ts',
    )
    .action((guild: string, flags: WorkerFlags) => runCommand(flags, (io) => work(guild, flags, io)));
}

/** The guild of a file, with the settings, and the backend that they name. */
async function open(file: string, flags: SharedFlags) {
  const { settings } = await settingsOf(flags, { guild: file });
  const [{ configuredGuild }, { loadBackend }] = await Promise.all([
    import('../target.ts'),
    import('../../dev/load-backend.ts'),
  ]);
  const guild = (await configuredGuild(settings)) as Guild;
  return { guild, settings, open: () => loadBackend(settings.backend, guild.families) };
}

async function start(guild: Guild, backend: Backend, namespace: string, io: Io, agents?: readonly string[]) {
  const [{ startGuild }, { plainLog }] = await Promise.all([
    import('../../guild/start-guild.ts'),
    import('../plain-log.ts'),
  ]);
  const chosen = agents === undefined ? {} : { agents };
  return startGuild(guild, { backend: () => backend, namespace, sender: 'user:cli', log: plainLog(io), ...chosen });
}

async function runOnce(file: string, input: string | undefined, flags: RunFlags, io: Io): Promise<ExitCode> {
  if (input !== undefined && flags.payload !== undefined)
    throw new UsageError('a file and --payload exclude each other');
  const payload = payloadOf(flags.payload ?? (await readAll(input, io.signal)));
  const { guild, settings, open: openIt } = await open(file, flags);
  const { formatFor } = await import('../format-for.ts');
  const format = formatFor(guild, flags.topic, flags.format);
  await using running = await start(guild, await openIt(), settings.namespace, io);
  const { printThread } = await import('../print-thread.ts');
  const id = await running.publish(flags.topic, format, payload as never);
  const { handled, failed, halted, timers } = await follow(running, id, io, printThread);
  io.note(summary(handled, failed, halted, timers));
  return failed + halted > 0 ? ExitCode.FAILED : ExitCode.DONE;
}

/** Prints what descends from the root while it comes, until nothing more can. */
async function follow(
  running: RunningGuild,
  id: GemstoneId,
  io: Io,
  printThread: typeof import('../print-thread.ts')['printThread'],
) {
  const printed = printThread(running, id, io);
  try {
    return await running.settled(id, { timers: false, signal: io.signal });
  } finally {
    await printed.end();
  }
}

function summary(handled: number, failed: number, halted: number, timers: number): string {
  return [
    `${handled} handled`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(halted > 0 ? [`${halted} halted`] : []),
    ...(timers > 0 ? [`${timers} timers not waited for`] : []),
  ].join(', ');
}

async function work(file: string, flags: WorkerFlags, io: Io): Promise<ExitCode> {
  const { guild, settings, open: openIt } = await open(file, flags);
  if (settings.backend.startsWith('memory:'))
    throw new UsageError(
      'a worker shares its backend with other processes, and memory is this process only: name another with --backend, or use `guildwire dev`',
    );
  await using running = await start(guild, await openIt(), settings.namespace, io, flags.agents);
  const names = flags.agents ?? Object.keys(guild.agents);
  io.note(
    `at work: ${names.join(', ')} on ${masked(settings.backend)}, namespace ${settings.namespace}; Ctrl-C ends it`,
  );
  await new Promise<void>((resolve) => io.signal.addEventListener('abort', () => resolve(), { once: true }));
  io.note('finishing what runs; once more Ctrl-C to stop at once');
  await running.drain();
  return ExitCode.DONE;
}
