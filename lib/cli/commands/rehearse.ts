/** @module `guildwire rehearse`: what `cdk synth` wrote, at work on this machine. */
import { Command, Option } from 'commander';
import { orAborted } from '../../core/clock.ts';
import { genericJson } from '../../core/format.ts';
import { matches } from '../../core/topic.ts';
import { ExitCode, UsageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { duration, type SharedFlags, settingsOf } from '../options.ts';
import { payloadOf, readAll } from '../payload-input.ts';
import type { Stage } from '../rehearse/stage.ts';
import { runCommand } from '../run-command.ts';

interface Flags extends SharedFlags {
  readonly stack?: string;
  readonly guild?: string;
  readonly topic?: string;
  readonly payload?: string;
  readonly format?: string;
  readonly counts?: string;
  readonly outputsFile?: string;
  readonly timeout: number;
  readonly logs?: boolean;
}

/** What is published; undefined keeps the stack up until Ctrl-C. */
type Job = (stage: Stage, io: Io) => Promise<void>;

export function rehearseCommand(): Command {
  return new Command('rehearse')
    .description(
      'run a synthesized stack on this machine: the very bundles, on emulators; without an account or Docker',
    )
    .argument('[folder]', 'what `cdk synth` wrote', 'cdk.out')
    .argument('[file]', 'file with the payload, or for `run` of the guild file; - reads standard input')
    .option('--stack <name>', 'which stack, if there are several')
    .option('-g, --guild <file>', 'guild file whose `run` says what to do, over the HTTP API')
    .option('-t, --topic <topic>', 'publish one message there, over the HTTP API, and wait until all is done')
    .option('--payload <json>', 'the payload itself: JSON, or plain text')
    .option('-f, --format <name>', 'its format (default: the only one that the topic takes, else generic_json)')
    .option('-n, --namespace <name>', 'where to publish (default: the first that the stack serves)')
    .option('--counts <file>', 'write what was counted there, for `guildwire cost --observed`')
    .option('--outputs-file <file>', 'write the outputs there, as `cdk deploy` does, for `--backend aws:FILE`')
    .addOption(new Option('--timeout <time>', 'how long all of it may take').argParser(duration).default(120_000, '2m'))
    .option('--logs', 'print what the functions print')
    .option('--json', 'results as JSON, one object per line')
    .addHelpText(
      'after',
      `\nExamples:\n  $ guildwire rehearse\n  $ guildwire rehearse cdk.out --topic said --payload '{"text":"hello"}'\n  $ guildwire rehearse cdk.out README.md --guild guild.ts --counts counts.json`,
    )
    .action((folder: string, file: string | undefined, flags: Flags) =>
      runCommand(flags, (io) => rehearseStack(folder, file, flags, io)),
    );
}

async function rehearseStack(assembly: string, file: string | undefined, flags: Flags, io: Io): Promise<ExitCode> {
  const job = await jobOf(file, flags, io);
  const { Stage } = await import('../rehearse/stage.ts');
  const startedAt = Date.now();
  await using stage = await Stage.open({
    assembly,
    stack: flags.stack,
    namespace: flags.namespace,
    timeoutMs: flags.timeout,
    log: flags.logs ? ({ functionName, text }) => io.warn(`${functionName}  ${text}`) : undefined,
  });
  const { greet, tell, tellDenied, tellFailed, writeOutputs } = await import('../rehearse/tell.ts');
  const { outputsFile } = flags;
  if (outputsFile !== undefined) await writeOutputs(stage, outputsFile);
  if (job === undefined || !io.isJson) greet(stage, Date.now() - startedAt, job === undefined, outputsFile, io);
  const { lost } = stage.rehearsal;
  const over = AbortSignal.any([io.signal, lost]);
  let isAllowed = true;
  let code: ExitCode;
  try {
    if (job !== undefined) await orAborted(job(stage, io), over);
    else if (!over.aborted) await new Promise((resolve) => over.addEventListener('abort', resolve, { once: true }));
    lost.throwIfAborted();
    code = await tell(stage, flags.counts, io);
  } finally {
    // Why a rehearsal fails, if it does.
    tellFailed(stage, io);
    isAllowed = tellDenied(stage, io);
  }
  if (job !== undefined && io.signal.aborted) return ExitCode.INTERRUPTED;
  return isAllowed ? code : ExitCode.FAILED;
}

async function jobOf(file: string | undefined, flags: Flags, io: Io): Promise<Job | undefined> {
  const { guild, topic, payload } = flags;
  if (guild !== undefined && topic !== undefined)
    throw new UsageError('--guild and --topic exclude each other: `run` of the guild file says itself what to publish');
  if (guild !== undefined) return exportedJob(guild, file, flags);
  if (topic !== undefined) {
    if (file !== undefined && payload !== undefined) throw new UsageError('a file and --payload exclude each other');
    return messageJob(topic, payloadOf(payload ?? (await readAll(file, io.signal))), flags.format);
  }
  if (file !== undefined || payload !== undefined || flags.format !== undefined)
    throw new UsageError('say where to publish with --topic, or name a guild file with --guild');
  return undefined;
}

/** What the guild file itself says there is to do. */
async function exportedJob(guild: string, file: string | undefined, flags: Flags): Promise<Job> {
  if (flags.payload !== undefined || flags.format !== undefined)
    throw new UsageError('--payload and --format are for a message, and need --topic');
  const [{ loadGuild, loadRun, runFailed }, { rehearsalBus }] = await Promise.all([
    import('../../dev/load-guild.ts'),
    import('../rehearse/rehearsal-bus.ts'),
  ]);
  await loadGuild(guild);
  const run = await loadRun(guild);
  if (run === undefined)
    throw new UsageError(`${guild} exports no function \`run\`: say where to publish with --topic`);
  return async (stage, { isJson: json, signal }) => {
    try {
      await run(
        rehearsalBus(stage.client, () => stage.settled()),
        { file, json, signal },
      );
    } catch (error) {
      throw runFailed(guild, error);
    }
    await stage.settled();
  };
}

/** One message, and all that it sets off. */
async function messageJob(topic: string, payload: unknown, given: string | undefined): Promise<Job> {
  const { toChatLine, toJsonLine } = await import('../views/message-view.ts');
  return async (stage, io) => {
    const { client } = stage;
    const name = given ?? (await formatOf(stage, topic, io));
    const id = await client.publish(topic, { ...genericJson, name }, payload as never);
    await stage.settled();
    for await (const message of client.thread(id)) io.line(io.isJson ? toJsonLine(message) : toChatLine(message, io));
  };
}

/** What the stack says of the topic, else the guild that is configured. @throws UsageError if several could be meant. */
async function formatOf({ manifest }: Stage, topic: string, io: Io): Promise<string> {
  const [{ formatFor, onlyOf, unsaid }, { configuredGuild }] = await Promise.all([
    import('../format-for.ts'),
    import('../target.ts'),
  ]);
  const family = [...manifest.declared, ...manifest.inferred].find(({ pattern }) => matches(pattern, topic));
  const declared = onlyOf(family?.formats ?? [], topic);
  if (declared !== undefined || family === undefined) return declared ?? genericJson.name;
  const guild = await configuredGuild((await settingsOf({})).settings);
  if (guild?.name === manifest.guild) return formatFor(guild, topic, undefined).name;
  io.note(unsaid([topic]));
  return genericJson.name;
}
