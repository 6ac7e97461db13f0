/** @module `guildwire history`, `tail` and `thread`: what was said, what is being said, and how one thing led to another. */
import { Command } from 'commander';
import type { HistoryQuery } from '../../bus/history-query.ts';
import type { GemstoneId } from '../../core/gemstone-id.ts';
import type { Message, Reference } from '../../core/message.ts';
import { ExitCode, UnknownNameError, UsageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { pointInTime, refuseReversed, type SharedFlags, settingsOf, wholeNumber, withTarget } from '../options.ts';
import type { Target } from '../remote.ts';
import { runCommand } from '../run-command.ts';

interface Shown {
  readonly ids?: boolean;
}

interface Place {
  readonly thread?: string;
  readonly conversation?: string;
  readonly agent?: string;
}

interface Filters {
  readonly since?: number | GemstoneId;
  readonly until?: number | GemstoneId;
  readonly format?: string;
  readonly sender?: string;
  readonly priority?: number;
}

interface HistoryFlags extends SharedFlags, Place, Filters, Shown {
  readonly limit: number;
  readonly desc?: boolean;
}

interface TailFlags extends SharedFlags, Place, Filters, Shown {
  readonly backlog: number;
}

const PAGE = 1_000;
const WITH_IDS = 'print topic/id, as `thread` and `explain` take it, instead of the topic';

function withPlace(command: Command): Command {
  return withTarget(command)
    .option('--thread <id>', 'everything that descends from this root (an id, or topic/id)')
    .option('--conversation <id>', 'everything of this conversation')
    .option('--agent <name>', 'everything on the topics that this agent follows')
    .option('--since <when>', 'a time, a gemstone ID, or how long ago (5m)', pointInTime)
    .option('--format <name>', 'only this format')
    .option('--sender <id>', 'only from this sender')
    .option('--priority <0-9>', 'only of this priority', wholeNumber(0, 9))
    .option('--ids', WITH_IDS);
}

export function historyCommand(): Command {
  const command = new Command('history')
    .description('what was said, oldest first')
    .argument('[topic]', 'topic or pattern, such as doc.**')
    .option('--until <when>', 'where it ends, like --since', pointInTime)
    .option('-l, --limit <n>', 'at most so many', wholeNumber(1), 100)
    .option('--desc', 'newest first');
  return withPlace(command)
    .addHelpText(
      'after',
      "\nExamples:\n  $ guildwire history doc.tasks --since 10m\n  $ guildwire history 'doc.**' --desc --limit 5 --json",
    )
    .action((topic: string | undefined, flags: HistoryFlags) => runCommand(flags, (io) => history(topic, flags, io)));
}

export function tailCommand(): Command {
  const command = new Command('tail')
    .description('what is being said, as it is said; Ctrl-C ends it')
    .argument('[topic]', "topic or pattern (default: everything but what begins with $, such as '$dead.*')")
    .option('--backlog <n>', 'begin with so many messages of the past', wholeNumber(0, PAGE), 10);
  return withPlace(command)
    .addHelpText(
      'after',
      "\nExamples:\n  $ guildwire tail\n  $ guildwire tail 'doc.*' --since 1h\n  $ guildwire tail --conversation c-17 --json",
    )
    .action((topic: string | undefined, flags: TailFlags) => runCommand(flags, (io) => tail(topic, flags, io)));
}

export function threadCommand(): Command {
  return withTarget(new Command('thread'))
    .description('a message and everything that it led to, as a tree')
    .argument('<message>', 'topic/id of any of its messages, or the id of its root')
    .option('--ids', WITH_IDS)
    .addHelpText('after', '\nExample:\n  $ guildwire thread doc.tasks/01KAJ5Z0W3E2V7N9Q4R6T8Y1C4')
    .action((id: string, flags: SharedFlags & Shown) => runCommand(flags, (io) => thread(id, flags, io)));
}

async function history(topic: string | undefined, flags: HistoryFlags, io: Io): Promise<ExitCode> {
  const { idOf, nearestTopic } = await import('../known-names.ts');
  const query = queryOf(topic, flags, idOf);
  refuseReversed(flags.since, flags.until);
  const { openTarget } = await import('../target.ts');
  await using target = await openTarget(await settingsOf(flags));
  const { print } = await printer(flags, io);
  let left = flags.limit;
  let after: HistoryQuery['after'];
  while (left > 0 && !io.signal.aborted) {
    const order = flags.desc ? ('desc' as const) : ('asc' as const);
    const page = await target.bus.read({
      ...query,
      ...(flags.until !== undefined && { until: flags.until }),
      order,
      limit: Math.min(left, PAGE),
      ...(after !== undefined && { after }),
    });
    for (const message of page.items) print(message);
    left -= page.items.length;
    after = page.next;
    if (after === undefined) break;
  }
  if (left === flags.limit) io.note(`nothing was said there${await nearestTopic(query, target)}`);
  return ExitCode.DONE;
}

async function tail(topic: string | undefined, flags: TailFlags, io: Io): Promise<ExitCode> {
  const { idOf } = await import('../known-names.ts');
  const query = queryOf(topic ?? (placeOf(flags) === 0 ? '**' : undefined), flags, idOf);
  const { openTarget } = await import('../target.ts');
  await using target = await openTarget(await settingsOf(flags));
  const { print } = await printer(flags, io);
  let since = flags.since;
  if (since === undefined && flags.backlog > 0) {
    const { items } = await target.bus.read({ ...query, order: 'desc', limit: Math.min(flags.backlog, PAGE) });
    // Where there was nothing yet, all that there is has come since.
    since = items.at(-1)?.id ?? 0;
  }
  const from = { ...query, ...(since !== undefined && { since }) };
  if (io.isInteractive) io.note(io.paint('dim', `following ${target.where}; Ctrl-C ends it`));
  const onConnection = (state: 'lost' | 'back') =>
    io.note(state === 'lost' ? `the connection to ${target.where} is lost: trying again` : 'connected again');
  for await (const message of target.bus.tail(from, { signal: io.signal, onConnection })) print(message);
  return ExitCode.DONE;
}

async function thread(given: string, flags: SharedFlags & Shown, io: Io): Promise<ExitCode> {
  const { rootIdOf } = await import('../../core/message.ts');
  const { idOf } = await import('../known-names.ts');
  const id = idOf(given);
  const { openTarget } = await import('../target.ts');
  await using target = await openTarget(await settingsOf(flags));
  const [named] = given.includes('/') ? await target.bus.get([given as Reference]) : [];
  let messages = await wholeThread(named === undefined ? id : rootIdOf(named), target);
  const [first] = messages;
  // The id of what is no root finds that message alone.
  if (first !== undefined && rootIdOf(first) !== first.id) messages = await wholeThread(rootIdOf(first), target);
  if (first === undefined)
    throw new UnknownNameError(
      `no thread begins with ${id} in namespace "${target.namespace}": give topic/id, as \`publish\` prints it`,
    );
  const views = await import('../views/message-view.ts');
  for (const line of io.isJson ? messages.map(views.toJsonLine) : views.toTree(messages, io, flags.ids)) io.line(line);
  return ExitCode.DONE;
}

async function wholeThread(root: GemstoneId, { bus }: Target): Promise<readonly Message[]> {
  const messages: Message[] = [];
  let after: HistoryQuery['after'];
  do {
    const page = await bus.read({ thread: root, limit: PAGE, ...(after !== undefined && { after }) });
    messages.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return messages;
}

async function printer({ ids }: Shown, io: Io): Promise<{ print: (message: Message) => void }> {
  const { toChatLine, toJsonLine } = await import('../views/message-view.ts');
  return { print: (message) => io.line(io.isJson ? toJsonLine(message) : toChatLine(message, io, ids)) };
}

const placeOf = ({ thread, conversation, agent }: Place) =>
  [thread, conversation, agent].filter((place) => place !== undefined).length;

function queryOf(topic: string | undefined, flags: Place & Filters, idOf: (given: string) => GemstoneId): HistoryQuery {
  const { thread, conversation, agent, since, format, sender, priority } = flags;
  if (placeOf(flags) + (topic === undefined ? 0 : 1) !== 1)
    throw new UsageError('say where to look: a topic, --thread, --conversation or --agent, and only one of them');
  return {
    ...(topic !== undefined && (topic.includes('*') ? { pattern: topic } : { topic })),
    ...(thread !== undefined && { thread: idOf(thread) }),
    ...(conversation !== undefined && { conversation }),
    ...(agent !== undefined && { agent }),
    ...(since !== undefined && { since }),
    ...(format !== undefined && { format }),
    ...(sender !== undefined && { sender }),
    ...(priority !== undefined && { priority: priority as 0 }),
  };
}
