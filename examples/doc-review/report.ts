/** The report: how answers become one, and how it reads as Markdown and on a terminal. */
import type { OutputOf } from 'guildwire';
import { type Answer, type Kind, kinds, type ReportPayload } from './formats.ts';

type Section = ReportPayload['sections'][number];
type Suggestion = Section['suggestions'][number];

/** The same answers give the same report, in whatever order they came. */
export function buildReport(
  docId: string,
  answers: readonly OutputOf<typeof Answer>[],
  partial: boolean,
): ReportPayload {
  const sections = sectionsOf(answers);
  for (const { kind, suggestions } of answers) {
    for (const suggestion of suggestions) {
      const section = sections.findLast(({ line }) => line <= suggestion.line) ?? sections[0];
      section?.suggestions.push({ kind, ...suggestion });
    }
  }
  for (const { suggestions } of sections) suggestions.sort(byPlace);
  const expected = answers[0]?.answers ?? 0;
  return { docId, partial, answers: { received: answers.length, expected }, sections };
}

/** In the order of the document; a section goes on over as many chunks as it has. */
function sectionsOf(answers: readonly OutputOf<typeof Answer>[]): Section[] {
  const sections: Section[] = [];
  const chunks = answers
    .map(({ chunk }) => chunk)
    .sort((one, other) => one.line - other.line || (one.id < other.id ? -1 : 1));
  for (const { section, line, id } of chunks) {
    if (id !== WHOLE_DOCUMENT && sections.at(-1)?.heading !== section)
      sections.push({ heading: section, line, suggestions: [] });
  }
  return sections.length > 0 ? sections : [{ heading: '', line: 1, suggestions: [] }];
}

/** The chunk id of a task that is about all of the document. */
export const WHOLE_DOCUMENT = 'document';

function byPlace(one: Suggestion, other: Suggestion): number {
  const order = kinds.indexOf(one.kind) - kinds.indexOf(other.kind);
  return one.line - other.line || one.column - other.column || order || (one.rule < other.rule ? -1 : 1);
}

export function suggestionsOf(report: ReportPayload): readonly Suggestion[] {
  return report.sections.flatMap(({ suggestions }) => suggestions);
}

/** `12 suggestions: 5 grammar, 4 clarity, 3 tone, 0 structure` */
export function countLine(report: ReportPayload): string {
  const suggestions = suggestionsOf(report);
  const of = (kind: Kind) => suggestions.filter((suggestion) => suggestion.kind === kind).length;
  return `${suggestions.length} suggestions: ${kinds.map((kind) => `${of(kind)} ${kind}`).join(', ')}`;
}

const partialLine = ({ answers }: ReportPayload) =>
  `Partial: ${answers.received} of ${answers.expected} answers came in time.`;

/** What to do about a suggestion, in words: the proposed text, if there is one. */
const changeOf = ({ change }: Suggestion) =>
  change === undefined ? undefined : change === '' ? 'leave it out' : `write “${change}”`;

export function toMarkdown(report: ReportPayload, name: string): string {
  const lines = [`# Review of ${name}`, '', `${countLine(report)}.`, ''];
  if (report.partial) lines.push(`**${partialLine(report)}**`, '');
  for (const { heading, suggestions } of report.sections) {
    if (suggestions.length === 0) continue;
    lines.push(`## ${heading === '' ? 'Before the first heading' : heading}`, '');
    for (const suggestion of suggestions) {
      const { kind, severity, line, column, text, explanation } = suggestion;
      const change = changeOf(suggestion);
      lines.push(
        `- **${kind}** (${severity}) at ${line}:${column}: \`${text.replaceAll('`', 'ˋ')}\`${change ? `, ${change}` : ''}.`,
      );
      lines.push(`  ${explanation}`);
    }
    lines.push('');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

/** For a terminal; `paint` colours, or does nothing. */
export function toText(report: ReportPayload, name: string, paint: (style: Style, text: string) => string): string {
  const lines = [paint('bold', `Review of ${name}`), ''];
  for (const { heading, suggestions } of report.sections) {
    if (suggestions.length === 0) continue;
    lines.push(paint('bold', heading === '' ? '(before the first heading)' : heading));
    for (const suggestion of suggestions) {
      const { kind, severity, line, column, text, explanation } = suggestion;
      const change = changeOf(suggestion);
      const place = `${line}:${column}`.padEnd(9);
      const label = `${kind} ${severity}`.padEnd(17);
      lines.push(`  ${place}${paint(severity, label)}“${text}”${change ? ` → ${change}` : ''}`);
      lines.push(`  ${' '.repeat(26)}${paint('dim', explanation)}`);
    }
    lines.push('');
  }
  if (report.partial) lines.push(partialLine(report));
  lines.push(countLine(report));
  return `${lines.join('\n')}\n`;
}

export type Style = 'bold' | 'dim' | 'low' | 'medium' | 'high';
