/** @module `guildwire publish`: one message from an argument, or many from a file or standard input. */
import { Command } from 'commander';
import type { PublishEntry } from '../../bus/bus.ts';
import type { PublishOptions } from '../../bus/publish-options.ts';
import { ExitCode, exitCodeOf, UsageError } from '../failure.ts';
import type { Io } from '../io.ts';
import {
  duration,
  keyValue,
  list,
  type SharedFlags,
  settingsOf,
  wholeNumber,
  withConsent,
  withTarget,
} from '../options.ts';
import { inputOf, payloadOf, readAll } from '../payload-input.ts';
import type { Target } from '../remote.ts';
import { runCommand } from '../run-command.ts';
import { toStoredLine } from '../stored-line.ts';
import type { AgentNode } from '../views/graph-view.ts';

interface Flags extends SharedFlags {
  readonly format?: string;
  readonly formatVersion?: number;
  readonly file?: string;
  readonly lines?: boolean;
  readonly priority?: number;
  readonly key?: string;
  readonly conversation?: string;
  readonly recipients?: readonly string[];
  readonly header?: Readonly<Record<string, string>>;
  readonly delay?: number;
  readonly ttl?: number;
  readonly replyTo?: string;
  readonly idempotencyKey?: string;
}

export function publishCommand(): Command {
  const command = new Command('publish')
    .description('publish messages; prints the reference of each')
    .argument('<topic>', 'topic, or several with commas between them')
    .argument('[payload]', 'JSON, or plain text; - reads standard input')
    .option(
      '-f, --format <name>',
      'format of the payload (default: the only one that the agents on the topic take, else generic_json)',
    )
    .option('--format-version <n>', 'version of the format', wholeNumber(1))
    .option('--file <path>', 'read the payload from a file')
    .option('--lines', 'the file or standard input holds one payload per line (JSON Lines)')
    .option('-p, --priority <0-9>', '0 is the most urgent (default: 4)', wholeNumber(0, 9))
    .option('-k, --key <key>', 'what orders the message among others')
    .option('-c, --conversation <id>', 'conversation that it belongs to')
    .option('-r, --recipients <agents>', 'agents that it is for', list)
    .option('--header <name=value>', 'a header; may be repeated', keyValue)
    .option('--delay <time>', 'deliver it later, such as 30s or 2h', duration)
    .option('--ttl <time>', 'let it expire, such as 10m or 7d', duration)
    .option('--reply-to <topic>', 'topic for the answer')
    .option('--idempotency-key <key>', 'store it once only, however often it is published within 24 hours')
    .addHelpText(
      'after',
      `
Examples:
  $ guildwire publish doc.tasks '{"text":"Hello"}'
  $ guildwire publish said Hello --priority 1
  $ guildwire publish doc.tasks --file tasks.jsonl --lines
  $ generate-tasks | guildwire publish doc.tasks --lines --format doc.task`,
    );
  return withConsent(withTarget(command)).action((topic: string, payload: string | undefined, flags: Flags) =>
    runCommand(flags, (io) => publish(topic, payload, flags, io)),
  );
}

async function publish(topic: string, given: string | undefined, flags: Flags, io: Io): Promise<ExitCode> {
  const isInline = given !== undefined && given !== '-';
  if (isInline && flags.file !== undefined) throw new UsageError('a payload and --file exclude each other');
  if (isInline && flags.lines)
    throw new UsageError('--lines reads a file or standard input: leave the payload out, or write -');
  if (flags.lines && flags.idempotencyKey !== undefined)
    throw new UsageError('--idempotency-key is for one message: leave it out with --lines');
  const text = isInline ? given : flags.lines ? undefined : await readAll(flags.file, io.signal);
  if (text?.trim() === '')
    throw new UsageError('the payload is empty: give it as an argument, with --file, or on standard input');
  // Before anybody is asked or reached: what is wrong here is wrong anyway.
  const payload = text === undefined ? undefined : payloadOf(text);
  const lines = flags.lines ? inputOf(flags.file) : undefined;
  const { openTarget } = await import('../target.ts');
  await using target = await openTarget(await settingsOf(flags));
  const { consent } = await import('../consent.ts');
  await consent('publish', target, flags, io);
  const topics = list(topic) as readonly [string, ...string[]];
  const base = { topics, format: await formatOf(topics, flags, target, io), options: optionsOf(flags) };
  if (lines !== undefined) {
    const { publishLines } = await import('../publish-lines.ts');
    return await publishLines(lines, base, target, io);
  }
  const [outcome] = await target.bus.publishMany([{ ...base, payload: payload as never }]);
  if (!outcome?.ok) throw outcome?.error ?? new Error('there is no outcome');
  io.line(toStoredLine(outcome, topics[0], io));
  return ExitCode.DONE;
}

/** As it is named, else the only one that the agents on the topics take. */
async function formatOf(
  topics: readonly string[],
  { format: name, formatVersion }: Flags,
  target: Target,
  io: Io,
): Promise<PublishEntry['format']> {
  const { genericJson } = await import('../../core/format.ts');
  const version = formatVersion === undefined ? {} : { version: formatVersion };
  if (name !== undefined) return { ...genericJson, name, ...version };
  const { formatAmong, nobodyFollows } = await import('../format-for.ts');
  const agents = await knownAgents(target);
  const warning = nobodyFollows(agents, topics);
  if (warning !== undefined) io.note(warning);
  return { ...genericJson, name: formatAmong(agents, topics) ?? genericJson.name, ...version };
}

/** None where one may publish but not look. */
async function knownAgents(target: Target): Promise<readonly AgentNode[]> {
  try {
    return await target.agents();
  } catch (error) {
    if (exitCodeOf(error) === ExitCode.REFUSED) return [];
    throw error;
  }
}

function optionsOf(flags: Flags): PublishOptions {
  const { priority, key, conversation, recipients, header, delay, ttl, replyTo, idempotencyKey } = flags;
  return {
    ...(priority !== undefined && { priority: priority as 0 }),
    ...(key !== undefined && { key }),
    ...(conversation !== undefined && { conversationId: conversation }),
    ...(recipients !== undefined && { recipients }),
    ...(header !== undefined && { headers: header }),
    ...(delay !== undefined && { delayMs: delay }),
    ...(ttl !== undefined && { ttlMs: ttl }),
    ...(replyTo !== undefined && { replyTo }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  };
}
