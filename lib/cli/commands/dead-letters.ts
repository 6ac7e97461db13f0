/** @module `guildwire dlq`: dead letters, listed, looked at, redriven and discarded. */
import { Command } from 'commander';
import type { DeadLetterPlan } from '../../bus/recovery.ts';
import type { Message } from '../../core/message.ts';
import { ExitCode, UnknownNameError, UsageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { type SharedFlags, settingsOf, wholeNumber, withConsent, withTarget } from '../options.ts';
import { runCommand } from '../run-command.ts';

interface ListFlags extends SharedFlags {
  readonly limit: number;
}

interface PlanFlags extends SharedFlags {
  readonly all?: boolean;
  readonly format?: string;
  readonly sender?: string;
  readonly error?: string;
  readonly priority?: number;
  readonly rate?: number;
}

export function dlqCommand(): Command {
  const dlq = new Command('dlq').description('dead letters: what could not be handled');
  dlq.addCommand(
    withTarget(new Command('ls'))
      .description('open dead letters of an agent, or of all')
      .argument('[agent]', 'whose')
      .option('-l, --limit <n>', 'at most so many of each agent', wholeNumber(1), 50)
      .action((agent: string | undefined, flags: ListFlags) => runCommand(flags, (io) => ls(agent, flags, io))),
  );
  dlq.addCommand(
    withTarget(new Command('show'))
      .description('one dead letter: the original, and every error')
      .argument('<agent>', 'whose')
      .argument('<id>', 'its id, as `dlq ls` prints it')
      .action((agent: string, id: string, flags: SharedFlags) => runCommand(flags, (io) => show(agent, id, flags, io))),
  );
  dlq.addCommand(planCommand('redrive', 'hand dead letters to their agent once more; their attempts start again'));
  dlq.addCommand(planCommand('discard', 'take dead letters off the list; the topic keeps them'));
  return dlq;
}

function planCommand(action: 'redrive' | 'discard', description: string): Command {
  const command = new Command(action)
    .description(description)
    .argument('<agent>', 'whose')
    .argument('[ids...]', 'which; without ids say --all or a filter')
    .option('--all', 'all that are open now')
    .option('--format <name>', 'only originals of this format')
    .option('--sender <id>', 'only originals from this sender')
    .option('--priority <0-9>', 'only originals of this priority', wholeNumber(0, 9))
    .option('--error <name>', 'only those whose last error is of this class, such as TypeError')
    .option('--rate <n>', 'so many a second', wholeNumber(1));
  return withConsent(withTarget(command))
    .addHelpText(
      'after',
      `\nExamples:\n  $ guildwire dlq ${action} grammar --all\n  $ guildwire dlq ${action} grammar --error TypeError --rate 20`,
    )
    .action((agent: string, ids: readonly string[], flags: PlanFlags) =>
      runCommand(flags, (io) => plan(action, agent, ids, flags, io)),
    );
}

async function ls(agent: string | undefined, flags: ListFlags, io: Io): Promise<ExitCode> {
  const [{ openTarget }, { knownAgent }] = await Promise.all([import('../target.ts'), import('../known-names.ts')]);
  await using target = await openTarget(await settingsOf(flags));
  const names =
    agent === undefined ? (await target.agents()).map(({ name }) => name) : [await knownAgent(agent, target)];
  const letters: Message[] = [];
  for (const name of names) letters.push(...(await target.bus.read({ deadLettersOf: name, limit: flags.limit })).items);
  const { toLetterTable } = await import('../views/dead-letter-view.ts');
  for (const line of io.isJson ? letters.map((letter) => JSON.stringify(letter)) : toLetterTable(letters, io))
    io.line(line);
  const [first] = letters;
  if (first === undefined) io.note(agent === undefined ? 'no agent has a dead letter' : `${agent} has no dead letter`);
  return ExitCode.DONE;
}

async function show(agent: string, given: string, flags: SharedFlags, io: Io): Promise<ExitCode> {
  const [{ openTarget }, { idOf, knownAgent }] = await Promise.all([
    import('../target.ts'),
    import('../known-names.ts'),
  ]);
  const id = idOf(given);
  await using target = await openTarget(await settingsOf(flags));
  const name = await knownAgent(agent, target);
  const [letter] = await target.bus.get([{ topic: `$dead.${name}`, id }]);
  if (letter === undefined)
    throw new UnknownNameError(`${name} has no dead letter ${id}: \`guildwire dlq ls ${name}\` lists those it has`);
  if (io.isJson) {
    io.line(JSON.stringify(letter));
    return ExitCode.DONE;
  }
  const { toLetterText } = await import('../views/dead-letter-view.ts');
  for (const line of toLetterText(letter, io)) io.line(line);
  const open = await target.bus.read({ deadLettersOf: name, since: id, until: id, limit: 1 });
  io.note(
    open.items.length > 0
      ? `\nredrive it with: guildwire dlq redrive ${name} ${id}`
      : '\nit is no longer open: it was redriven or discarded',
  );
  return ExitCode.DONE;
}

async function plan(
  action: 'redrive' | 'discard',
  agent: string,
  ids: readonly string[],
  flags: PlanFlags,
  io: Io,
): Promise<ExitCode> {
  const { all, format, sender, error, priority, rate } = flags;
  const filters = [format, sender, error, priority].filter((filter) => filter !== undefined);
  if (ids.length === 0 && filters.length === 0 && !all)
    throw new UsageError(`say which to ${action}: ids, a filter such as --error TypeError, or --all`);
  if (all && ids.length > 0) throw new UsageError('ids and --all exclude each other');
  const [{ openTarget }, { idOf, knownAgent }, { runPlanned }] = await Promise.all([
    import('../target.ts'),
    import('../known-names.ts'),
    import('../run-planned.ts'),
  ]);
  const wanted = [...new Set(ids.map(idOf))];
  await using target = await openTarget(await settingsOf(flags));
  const name = await knownAgent(agent, target);
  const request: DeadLetterPlan = {
    action,
    agent: name,
    ...(wanted.length > 0 && { ids: wanted }),
    ...(format !== undefined && { format }),
    ...(sender !== undefined && { sender }),
    ...(priority !== undefined && { priority: priority as 0 }),
    ...(error !== undefined && { errorName: error }),
  };
  const letters = (count: number) => `${count} dead ${count === 1 ? 'letter' : 'letters'} of ${name}`;
  const wording = {
    todo: (count: number) => `${action} ${letters(count)}`,
    done: (count: number) => `${letters(count)} ${action === 'redrive' ? 'redriven' : 'discarded'}`,
  };
  return await runPlanned(request, wording, target, flags, io, rate);
}
