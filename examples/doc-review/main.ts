/** `npm start -- [document] [--json] [--output file]`: reviews a document with the doc-review guild. */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { defineGuild, PayloadTooLargeError, type RunningGuild, silentLog, startGuild, stderrLog } from 'guildwire';
import { createDisplay } from './agents/display.ts';
import type { ReportPayload } from './formats.ts';
import { agents, topics } from './guild.ts';
import { printReport } from './print-report.ts';
import { Progress } from './progress.ts';
import { publishDocument } from './publish-document.ts';
import { readDocument, UsageError } from './read-document.ts';
import { countLine, toMarkdown } from './report.ts';

const USAGE = `Reviews a Markdown or plain text document.

  npm start                                reviews README.md
  npm start -- path/to/document.md
  npm start -- document.md --json          prints the report as one JSON document
  npm start -- document.md --output report.md
`;
const DRAIN_MS = 5_000;
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

interface Call {
  readonly path: string;
  readonly json: boolean;
  readonly output: string | undefined;
}

function parseCall(args: readonly string[]): Call | 'help' {
  const options = { json: { type: 'boolean' }, output: { type: 'string' }, help: { type: 'boolean' } } as const;
  let parsed: ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>;
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('. ')[0]}; \`npm start -- --help\` shows what there is`);
  }
  const { values, positionals } = parsed;
  if (values.help) return 'help';
  if (positionals.length > 1)
    throw new UsageError(`one document at a time, ${positionals.length} came: ${positionals.join(' ')}`);
  return { path: positionals[0] ?? 'README.md', json: values.json ?? false, output: values.output };
}

async function checkOutput(output: string | undefined): Promise<void> {
  if (output === undefined) return;
  await access(dirname(output), constants.W_OK).catch(() => {
    throw new UsageError(`cannot write ${JSON.stringify(output)}: its folder is missing or not writable`);
  });
}

/** The report, or undefined if somebody pressed Ctrl-C. */
async function review(text: string, progress: Progress | undefined): Promise<ReportPayload | undefined> {
  const { promise, resolve } = Promise.withResolvers<ReportPayload | undefined>();
  const display = createDisplay({
    onAnswer: (answer) => progress?.answer(answer),
    onReport: resolve,
  });
  const guild = defineGuild({ name: 'doc-review', agents: [...agents, display], topics });
  const running = await startGuild(guild, { backend: 'memory:', log: progress === undefined ? silentLog : stderrLog });
  const interrupt = () => resolve(undefined);
  process.once('SIGINT', interrupt);
  try {
    await publish(running, text);
    const report = await promise;
    if (report === undefined)
      process.stderr.write(`\nInterrupted: finishing what runs (${progress?.received ?? 0} answers came)\n`);
    await running.drain(DRAIN_MS);
    return report;
  } finally {
    process.off('SIGINT', interrupt);
    await running[Symbol.asyncDispose]();
  }
}

async function publish(running: RunningGuild, text: string): Promise<void> {
  try {
    await publishDocument(running, randomUUID(), text);
  } catch (error) {
    if (error instanceof PayloadTooLargeError) throw new UsageError(`the document is too large: ${error.message}`);
    throw error;
  }
}

async function main(args: readonly string[]): Promise<number> {
  const call = parseCall(args);
  if (call === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  const text = await readDocument(call.path);
  await checkOutput(call.output);
  const startedAt = performance.now();
  const report = await review(text, call.json ? undefined : new Progress(process.stderr));
  if (report === undefined) return EXIT_INTERRUPTED;
  const name = basename(call.path);
  if (call.output !== undefined) await writeFile(call.output, toMarkdown(report, name));
  if (call.json) {
    printReport(report, name, true);
    return 0;
  }
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  if (call.output === undefined) printReport(report, name, false);
  else process.stdout.write(`${countLine(report)}; the report is in ${call.output}\n`);
  process.stderr.write(`Reviewed in ${seconds} s\n`);
  return 0;
}

// A reader that goes away (`npm start | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`doc-review: ${error.message}\n`);
  process.exitCode = EXIT_USAGE;
}
