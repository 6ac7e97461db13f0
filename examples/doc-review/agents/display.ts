/** An ordinary subscriber that lives where somebody watches: it tells of every answer, and of the report. */
import { type Agent, defineAgent, type OutputOf } from 'guildwire';
import { Answer, Report } from '../formats.ts';

export interface Audience {
  onAnswer(answer: OutputOf<typeof Answer>): void;
  onReport(report: OutputOf<typeof Report>): void;
}

export function createDisplay(audience: Audience): Agent<'display'> {
  return defineAgent({
    name: 'display',
    entry: import.meta.url,
    subscribes: ['doc.review.summary'],
    handlers: (on) => [
      on(Answer, (answer) => audience.onAnswer(answer)),
      on(Report, (report) => audience.onReport(report)),
    ],
  });
}
