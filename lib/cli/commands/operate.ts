/** @module `guildwire pause`, `resume` and `replay`: what an operator does to an agent. */
import { Command } from 'commander';
import type { HistoryQuery } from '../../bus/history-query.ts';
import type { GemstoneId } from '../../core/gemstone-id.ts';
import { ExitCode, UsageError } from '../failure.ts';
import type { Io } from '../io.ts';
import {
  pointInTime,
  refuseReversed,
  type SharedFlags,
  settingsOf,
  wholeNumber,
  withConsent,
  withTarget,
} from '../options.ts';
import { runCommand } from '../run-command.ts';

interface ReplayFlags extends SharedFlags {
  readonly topic?: string;
  readonly thread?: string;
  readonly conversation?: string;
  readonly since?: number | GemstoneId;
  readonly until?: number | GemstoneId;
  readonly format?: string;
  readonly sender?: string;
  readonly rate?: number;
  readonly unrelayed?: true;
}

export function pauseCommand(): Command {
  return pausing('pause', 'hand nothing to an agent until it is resumed; everything is kept');
}

export function resumeCommand(): Command {
  return pausing('resume', 'hand deliveries to a paused agent again');
}

function pausing(name: 'pause' | 'resume', description: string): Command {
  return withConsent(withTarget(new Command(name)))
    .description(description)
    .argument('<agent>', 'name of the agent')
    .action((agent: string, flags: SharedFlags) => runCommand(flags, (io) => setPaused(name, agent, flags, io)));
}

export function replayCommand(): Command {
  return withConsent(withTarget(new Command('replay')))
    .description('hand messages of the past to one agent again')
    .argument('[agent]', 'who gets them; only what its subscription admits')
    .option('-t, --topic <topic>', 'topic or pattern (default: all that it follows)')
    .option('--thread <id>', 'what descends from this root (an id, or topic/id)')
    .option('--conversation <id>', 'what belongs to this conversation')
    .option('--since <when>', 'a time, a gemstone ID, or how long ago (5m)', pointInTime)
    .option('--until <when>', 'likewise (default: now)', pointInTime)
    .option('--format <name>', 'only this format')
    .option('--sender <id>', 'only from this sender')
    .option('--rate <n>', 'so many a second', wholeNumber(1))
    .option('--unrelayed', 'on AWS, without an agent: hand on to all what was stored while the relay was away')
    .addHelpText(
      'after',
      "\nExamples:\n  $ guildwire replay auditor --since 1h\n  $ guildwire replay auditor --topic 'doc.*' --since 2026-11-20T08:00:00Z --rate 100\n  $ guildwire replay --unrelayed --since 30h --backend aws:outputs.json",
    )
    .action((agent: string | undefined, flags: ReplayFlags) =>
      runCommand(flags, (io) => (flags.unrelayed ? unrelayed(agent, flags, io) : replay(agent, flags, io))),
    );
}

async function setPaused(name: 'pause' | 'resume', agent: string, flags: SharedFlags, io: Io): Promise<ExitCode> {
  const [{ openTarget }, { knownAgent }] = await Promise.all([import('../target.ts'), import('../known-names.ts')]);
  await using target = await openTarget(await settingsOf(flags));
  const known = await knownAgent(agent, target);
  const { consent } = await import('../consent.ts');
  await consent(`${name} ${known}`, target, flags, io);
  await target.bus[name](known);
  const paused = name === 'pause';
  io.line(io.isJson ? JSON.stringify({ agent: known, paused }) : `${known} is ${paused ? 'paused' : 'at work again'}`);
  return ExitCode.DONE;
}

async function unrelayed(agent: string | undefined, flags: ReplayFlags, io: Io): Promise<ExitCode> {
  const { since, until, topic, thread, conversation, format, sender, rate } = flags;
  const given = { agent, '--topic': topic, '--thread': thread, '--conversation': conversation };
  const narrowing = Object.entries({ ...given, '--format': format, '--sender': sender, '--rate': rate });
  const [misplaced] = narrowing.find(([, value]) => value !== undefined) ?? [];
  if (misplaced !== undefined)
    throw new UsageError(`--unrelayed hands on all that was stored then: leave out ${misplaced}`);
  if (since === undefined) throw new UsageError('--unrelayed needs --since: when the relay went away');
  refuseReversed(since, until);
  const { replayUnrelayed } = await import('../replay-unrelayed.ts');
  return replayUnrelayed({ since, ...(until !== undefined && { until }) }, await settingsOf(flags), flags, io);
}

async function replay(agent: string | undefined, flags: ReplayFlags, io: Io): Promise<ExitCode> {
  if (agent === undefined) throw new UsageError('which agent gets them? `guildwire agents` lists them');
  const { topic, thread, conversation, since, until, format, sender, rate } = flags;
  if ([topic, thread, conversation].filter((place) => place !== undefined).length > 1)
    throw new UsageError('--topic, --thread and --conversation exclude each other');
  refuseReversed(since, until);
  const [{ openTarget }, { idOf, knownAgent }] = await Promise.all([
    import('../target.ts'),
    import('../known-names.ts'),
  ]);
  await using target = await openTarget(await settingsOf(flags));
  const known = await knownAgent(agent, target);
  const place: HistoryQuery =
    thread !== undefined
      ? { thread: idOf(thread) }
      : conversation !== undefined
        ? { conversation }
        : topic === undefined
          ? { agent: known }
          : topic.includes('*')
            ? { pattern: topic }
            : { topic };
  const messages = {
    ...place,
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...(format !== undefined && { format }),
    ...(sender !== undefined && { sender }),
  };
  const { runPlanned } = await import('../run-planned.ts');
  const count = (messages: number) => `${messages} ${messages === 1 ? 'message' : 'messages'}`;
  const wording = {
    todo: (total: number) => `hand ${count(total)} to ${known} again`,
    done: (done: number) => `${count(done)} handed to ${known} again`,
  };
  return await runPlanned({ action: 'replay', agent: known, messages }, wording, target, flags, io, rate);
}
