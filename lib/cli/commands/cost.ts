/** @module `guildwire cost`: what a synthesized guild costs, idle and for a million messages, from a dated table of prices. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { ExitCode } from '../failure.ts';
import type { Io } from '../io.ts';
import { wholeNumber } from '../options.ts';
import { readAll } from '../payload-input.ts';
import { runCommand } from '../run-command.ts';

interface Flags {
  readonly json?: boolean;
  readonly stack?: string;
  readonly region?: string;
  readonly observed?: string;
  readonly messageKb?: number;
  readonly fanOut?: number;
  readonly batch?: number;
  readonly exactlyOnce?: number;
  readonly leases?: number;
  readonly outputs?: number;
  readonly handlerMs?: number;
  readonly memoryMb?: number;
  readonly threads?: 'on' | 'off';
  readonly tracing?: 'on' | 'off';
  readonly via?: 'log' | 'api' | 'direct';
}

/** A payload may have 25 MiB. */
const MAX_KB = 25 * 1_024;

export function costCommand(): Command {
  const onOff = ['on', 'off'];
  return new Command('cost')
    .description('what a synthesized guild costs on AWS: idle, and for a million messages')
    .argument('[folder]', 'what `cdk synth` wrote', 'cdk.out')
    .option('--stack <name>', 'which stack, if there are several')
    .option('--region <region>', "whose prices (default: the stack's region, or us-east-1)")
    .option('--observed <file>', 'counts of a rehearsal as JSON: also what these would cost')
    .option('--message-kb <kb>', 'size of a payload (default: 1)', between(0, MAX_KB))
    .option('--fan-out <agents>', 'agents that get a message (default: 1)', between(0, 10_000))
    .option('--batch <messages>', 'messages there at once, 1 for a trickle (default: 10)', wholeNumber(1, 10_000))
    .option('--exactly-once <share>', 'of deliveries, 0 to 1 (default: as the agents are)', between(0, 1))
    .option('--leases <share>', 'of deliveries, 0 to 1 (default: as the agents are)', between(0, 1))
    .option('--outputs <number>', 'messages published for each delivery (default: 0)', between(0, 97))
    .option('--handler-ms <ms>', 'how long a handler takes (default: 50)', between(0, 900_000))
    .option('--memory-mb <mb>', "of the agents' functions (default: as they are)", wholeNumber(128, 10_240))
    .addOption(new Option('--threads <state>', 'the thread index (default: as the guild is)').choices(onOff))
    .addOption(new Option('--tracing <state>', 'likewise').choices(onOff))
    .addOption(new Option('--via <way>', 'how messages are published (default: log)').choices(['log', 'api', 'direct']))
    .option('--json', 'all of it as one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  $ guildwire cost\n  $ guildwire cost cdk.out --fan-out 4 --exactly-once 1 --outputs 1\n  $ guildwire cost --batch 1 --via api --json',
    )
    .action((folder: string, flags: Flags) => runCommand(flags, (io) => cost(folder, flags, io)));
}

async function cost(folder: string, flags: Flags, io: Io): Promise<ExitCode> {
  const [{ readStack }, { DEFAULT_REGION, pricesOf }, { costReport }, { parseObserved }, { toText }] =
    await Promise.all([
      import('../cost/deployed-stack.ts'),
      import('../cost/prices.ts'),
      import('../cost/report.ts'),
      import('../cost/observed.ts'),
      import('../cost/cost-view.ts'),
    ]);
  const stack = readStack(folder, flags.stack);
  const table = pricesOf(flags.region ?? stack.region ?? DEFAULT_REGION);
  const { observed: file } = flags;
  const observed = file === undefined ? undefined : parseObserved(await readAll(file, io.signal), file);
  const report = costReport({ stack, table, changes: changesOf(flags), ...(observed !== undefined && { observed }) });
  for (const line of io.isJson ? [JSON.stringify(report)] : toText(report, io)) io.line(line);
  return ExitCode.DONE;
}

function changesOf({
  threads,
  tracing,
  via,
  json: _,
  stack: _stack,
  region: _region,
  observed: _observed,
  ...numbers
}: Flags) {
  return {
    ...numbers,
    ...(threads !== undefined && { threads: threads === 'on' }),
    ...(tracing !== undefined && { tracing: tracing === 'on' }),
    ...(via !== undefined && { isViaApi: via === 'api', isDirect: via === 'direct' }),
  };
}

/** A number from a flag. */
function between(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Allowed is a number from ${least} to ${most}.`);
  };
}
