/** @module `guildwire run`: a guild at work until it has done what it was started for. */
import { Command } from 'commander';
import { borrowed } from '../../backends/borrowed-backend.ts';
import { masked } from '../../configuration/masked.ts';
import { orAborted } from '../../core/clock.ts';
import type { Guild } from '../../guild/define-guild.ts';
import type { RunningGuild } from '../../guild/running-guild.ts';
import { ExitCode, UsageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { type SharedFlags, settingsOf, withOutput } from '../options.ts';
import { payloadOf, readAll } from '../payload-input.ts';
import { runCommand } from '../run-command.ts';

interface Flags extends SharedFlags {
  readonly topic?: string;
  readonly payload?: string;
  readonly format?: string;
  readonly processes?: boolean;
}

/** What the guild is started for. */
type Job = (running: RunningGuild, signal: AbortSignal) => Promise<ExitCode>;

export function runGuildCommand(): Command {
  return withOutput(new Command('run'))
    .description('start a guild, publish one message, wait until all that it sets off is done, print what is said')
    .argument('<guild>', 'file whose default export is the guild')
    .argument('[file]', 'file with the payload; - reads standard input')
    .option('-t, --topic <topic>', 'where to publish (default: what the guild file exports as `run` does the work)')
    .option('--payload <json>', 'the payload itself: JSON, or plain text')
    .option('-f, --format <name>', 'its format (default: the only one that the topic or its agents take)')
    .option('-b, --backend <backend>', 'backend to run on (default: memory:)')
    .option('--processes', 'each agent in a process of its own, on a backend that they share')
    .addHelpText(
      'after',
      `\nExamples:\n  $ guildwire run guild.ts --topic said --payload '{"text":"hello"}'\n  $ guildwire run guild.ts task.json --topic doc.tasks --json\n  $ guildwire run guild.ts task.json --topic doc.tasks --processes --backend redis://127.0.0.1:6379`,
    )
    .action((guild: string, file: string | undefined, flags: Flags) =>
      runCommand(flags, (io) => runOnce(guild, file, flags, io)),
    );
}

async function runOnce(file: string, input: string | undefined, flags: Flags, io: Io): Promise<ExitCode> {
  if (input !== undefined && flags.payload !== undefined)
    throw new UsageError('a file and --payload exclude each other');
  const payload = flags.topic === undefined ? undefined : payloadOf(flags.payload ?? (await readAll(input, io.signal)));
  const { settings } = await settingsOf(flags, { guild: file });
  const { backend: name, namespace } = settings;
  if (flags.processes && name.startsWith('memory:'))
    throw new UsageError(
      '--processes needs a backend that processes share, and memory is this process only: give --backend redis://127.0.0.1:6379, say',
    );
  const { configuredGuild } = await import('../target.ts');
  const guild = (await configuredGuild(settings)) as Guild;
  const { topic } = flags;
  const job =
    topic === undefined
      ? await exportedJob(file, input, flags, io)
      : await messageJob(guild, topic, payload, flags, io);
  const [{ loadBackend }, { startGuild }, { StoreWatch }, { plainLog }, { tellConnection }] = await Promise.all([
    import('../../dev/load-backend.ts'),
    import('../../guild/start-guild.ts'),
    import('../../hosts/node/store-watch.ts'),
    import('../plain-log.ts'),
    import('../tell-connection.ts'),
  ]);
  const log = plainLog(io);
  await using backend = await loadBackend(name, guild.families);
  using watch = new StoreWatch({ backend, namespace, onChange: tellConnection(masked(name), log, io) });
  const agents = Object.keys(guild.agents);
  await using processes = flags.processes
    ? await startProcesses({ file, agents, backend: name, namespace, log, io })
    : undefined;
  await using running = await startGuild(guild, {
    backend: () => borrowed(backend),
    namespace,
    sender: 'user:cli',
    log: watch.quiet(log),
    agents: processes === undefined ? agents : [],
  });
  const signal = AbortSignal.any([io.signal, ...(processes === undefined ? [] : [processes.failing])]);
  const code = await orAborted(job(running, signal), processes?.failing ?? NEVER);
  return io.signal.aborted ? ExitCode.INTERRUPTED : code;
}

const NEVER = new AbortController().signal;

async function startProcesses(options: import('../worker-processes.ts').WorkerProcessesOptions) {
  const { WorkerProcesses } = await import('../worker-processes.ts');
  return WorkerProcesses.start(options);
}

/** What the guild file itself says there is to do. */
async function exportedJob(file: string, input: string | undefined, flags: Flags, io: Io): Promise<Job> {
  const { loadRun, runFailed } = await import('../../dev/load-guild.ts');
  const run = await loadRun(file);
  if (run === undefined)
    throw new UsageError(
      `say where to publish with --topic: ${file} exports no function \`run\` that would do without`,
    );
  if (flags.payload !== undefined || flags.format !== undefined)
    throw new UsageError('--payload and --format are for a message, and need --topic');
  return async (running, signal) => {
    try {
      await run(running, { file: input, json: io.isJson, signal });
    } catch (error) {
      throw runFailed(file, error);
    }
    return ExitCode.DONE;
  };
}

/** One message, and all that it sets off. */
async function messageJob(guild: Guild, topic: string, payload: unknown, flags: Flags, io: Io): Promise<Job> {
  const [{ formatFor }, { printThread }] = await Promise.all([
    import('../format-for.ts'),
    import('../print-thread.ts'),
  ]);
  const format = formatFor(guild, topic, flags.format);
  return async (running, signal) => {
    const id = await running.publish(topic, format, payload as never);
    const printed = printThread(running, id, io);
    try {
      const { handled, failed, halted, timers } = await running.settled(id, { timers: false, signal });
      await printed.end();
      io.note(summary(handled, failed, halted, timers));
      return failed + halted > 0 ? ExitCode.FAILED : ExitCode.DONE;
    } finally {
      await printed.end();
    }
  };
}

function summary(handled: number, failed: number, halted: number, timers: number): string {
  return [
    `${handled} handled`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(halted > 0 ? [`${halted} halted`] : []),
    ...(timers > 0 ? [`${timers} timers not waited for`] : []),
  ].join(', ');
}
