/** Passes each answer on to the summary, and says once what all of them come to. */
import { type Agent, defineAggregator } from 'guildwire';
import { Answer, Report } from '../formats.ts';
import { buildReport } from '../report.ts';

/** @param deadlineMs When a document whose answers are not complete gets a partial report. @default - 10 minutes */
export function createAggregator(deadlineMs = 600_000): Agent<'aggregator'> {
  return defineAggregator({
    name: 'aggregator',
    entry: import.meta.url,
    subscribes: ['doc.suggestions.*'],
    publishes: ['doc.review.summary'],
    collects: Answer,
    deadlineMs,
    collectionOf: ({ docId }) => docId,
    partOf: ({ kind, chunk }) => `${kind}/${chunk.id}`,
    isComplete: (received, { answers }) => received === answers,
    onPart: (_, context) => context.forward('doc.review.summary'),
    onComplete: (answers, context, { id, isPartial }) => {
      context.publish('doc.review.summary', Report, buildReport(id, answers, isPartial));
    },
  });
}

export default createAggregator();
