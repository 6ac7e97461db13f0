/** @module `guildwire topics`, `agents` and `explain`: what there is, and why an agent got a message or did not. */
import { Command } from 'commander';
import type { Reference } from '../../core/message.ts';
import { ExitCode, UsageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { type SharedFlags, settingsOf, withTarget } from '../options.ts';
import { runCommand } from '../run-command.ts';

interface AgentsFlags extends SharedFlags {
  readonly guild?: string;
  readonly mermaid?: boolean;
}

export function topicsCommand(): Command {
  return withTarget(new Command('topics'))
    .description('the topics in use, and when something was last said there')
    .action((flags: SharedFlags) => runCommand(flags, (io) => topics(flags, io)));
}

export function agentsCommand(): Command {
  return withTarget(new Command('agents'))
    .description('who follows what and publishes what, and what waits for whom')
    .option('-g, --guild <file>', 'only the graph of this guild file, without a server')
    .option('--mermaid', 'as a Mermaid flowchart')
    .addHelpText(
      'after',
      '\nExamples:\n  $ guildwire agents\n  $ guildwire agents --guild guild.ts --mermaid > guild.mmd',
    )
    .action((flags: AgentsFlags) => runCommand(flags, (io) => agents(flags, io)));
}

export function explainCommand(): Command {
  return withTarget(new Command('explain'))
    .description('what became of a message for each agent, and why')
    .argument('<reference>', 'topic/id, as `publish` prints it')
    .addHelpText('after', '\nExample:\n  $ guildwire explain doc.tasks/01KAJ5Z0W3E2V7N9Q4R6T8Y1C4')
    .action((reference: string, flags: SharedFlags) => runCommand(flags, (io) => explain(reference, flags, io)));
}

async function topics(flags: SharedFlags, io: Io): Promise<ExitCode> {
  const { openTarget } = await import('../target.ts');
  await using target = await openTarget(await settingsOf(flags));
  const found = await target.bus.topics();
  const { timeOf } = await import('../../core/gemstone-id.ts');
  const { ago } = await import('../views/message-view.ts');
  const { toTable } = await import('../views/table.ts');
  const lines = io.isJson
    ? found.map((each) => JSON.stringify(each))
    : toTable(
        found.map(({ topic, lastId }) => [io.paint('green', topic), lastId, io.paint('dim', ago(timeOf(lastId)))]),
      );
  for (const line of lines) io.line(line);
  if (found.length === 0) io.note('no topic is in use yet: publish something');
  return ExitCode.DONE;
}

async function agents(flags: AgentsFlags, io: Io): Promise<ExitCode> {
  const nodes = await nodesOf(flags);
  const views = await import('../views/graph-view.ts');
  if (io.isJson) for (const node of nodes) io.line(JSON.stringify(node));
  else for (const line of flags.mermaid ? views.toMermaid(nodes) : views.toGraphText(nodes, io)) io.line(line);
  if (nodes.length === 0) io.note('no agent has subscribed here');
  return ExitCode.DONE;
}

async function nodesOf(flags: AgentsFlags) {
  const { configuredGuild, joined, openTarget } = await import('../target.ts');
  if (flags.guild !== undefined) {
    const { settings } = await settingsOf(flags, { guild: flags.guild });
    return joined(await configuredGuild(settings), []);
  }
  await using target = await openTarget(await settingsOf(flags));
  // A backend is closed with its target, and must have answered by then.
  return await target.agents();
}

async function explain(reference: string, flags: SharedFlags, io: Io): Promise<ExitCode> {
  const { idOf } = await import('../known-names.ts');
  if (!reference.includes('/'))
    throw new UsageError(`got "${reference}": allowed is topic/id, as \`publish\` prints it`);
  idOf(reference);
  const { openTarget } = await import('../target.ts');
  await using target = await openTarget(await settingsOf(flags));
  const explained = await target.bus.explain(reference as Reference);
  const { toTable } = await import('../views/table.ts');
  const lines = io.isJson
    ? explained.map((each) => JSON.stringify(each))
    : toTable(
        explained.map(({ agent, verdict, matched, attempts, epoch }) => [
          io.paint('cyan', agent),
          io.paint(
            verdict === 'handled' ? 'green' : verdict === 'dead' || verdict === 'halted' ? 'red' : 'yellow',
            verdict,
          ),
          [
            reasons[verdict] ?? '',
            ...(matched.length > 0 ? [`follows ${matched.join(', ')}`] : []),
            ...(attempts > 1 ? [`${attempts} attempts`] : []),
            ...(epoch > 0 ? [`redriven or replayed ${epoch}×`] : []),
          ]
            .filter((part) => part !== '')
            .join('; '),
        ]),
      );
  for (const line of lines) io.line(line);
  return ExitCode.DONE;
}

const reasons: Readonly<Record<string, string>> = {
  filtered: 'none of its patterns names the topic',
  own: 'it sent the message itself',
  'not-tagged': 'it takes only messages that name it',
  'not-subscribed': 'it had no subscription when the message was published',
  'no-handler': 'it has no handler for the format',
  expired: 'the message expired before it was handled',
  unsubscribed: 'its subscription ended while the message waited',
  dead: 'see `guildwire dlq ls`',
  halted: 'too many generations, past the deadline, or over the budget: see `guildwire dlq ls`',
  retrying: 'it failed, and is tried again',
};
