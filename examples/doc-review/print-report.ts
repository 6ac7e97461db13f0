/** The report where somebody looks at it: on a terminal, or as JSON for a program. */
import { styleText } from 'node:util';
import type { ReportPayload } from './formats.ts';
import { type Style, toText } from './report.ts';

/** @param name What was reviewed. */
export function printReport(report: ReportPayload, name: string, json: boolean): void {
  if (!json) {
    process.stdout.write(`\n${toText(report, name, paint)}`);
    return;
  }
  const { docId: _, ...rest } = report;
  process.stdout.write(`${JSON.stringify({ document: name, ...rest }, null, 2)}\n`);
}

const colours = { bold: 'bold', dim: 'dim', low: 'cyan', medium: 'yellow', high: 'red' } as const;
const paint = (style: Style, text: string) => styleText(colours[style], text, { stream: process.stdout });
