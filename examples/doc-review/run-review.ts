/** `guildwire run examples/doc-review/guild.ts [document]`: a review by agents that may be anywhere. */
import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { type Bus, InvalidArgumentError } from 'guildwire';
import { Answer, Report } from './formats.ts';
import { printReport } from './print-report.ts';
import { Progress } from './progress.ts';
import { publishDocument } from './publish-document.ts';
import { readDocument, UsageError } from './read-document.ts';

interface RunOptions {
  readonly file: string | undefined;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** Publishes a document, and prints the report when it is said. */
export async function run(bus: Bus, { file = 'README.md', json, signal }: RunOptions): Promise<void> {
  const text = await readDocument(file).catch((error: unknown) => {
    throw error instanceof UsageError ? new InvalidArgumentError([{ field: 'file', problem: error.message }]) : error;
  });
  const docId = randomUUID();
  const startedAt = performance.now();
  const progress = json ? undefined : new Progress(process.stderr);
  await publishDocument(bus, docId, text);
  for await (const { topic, format, payload } of bus.tail({ conversation: docId, since: 0 }, { signal })) {
    if (topic !== 'doc.review.summary') continue;
    if (format === Answer.name) progress?.answer(Answer.decode(payload));
    if (format !== Report.name) continue;
    printReport(Report.decode(payload), basename(file), json);
    if (!json) process.stderr.write(`Reviewed in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s\n`);
    return;
  }
}
