/** The producer: one task for each chunk of a document, and one for the whole of it. */
import type { Bus } from 'guildwire';
import { ReviewTask } from './formats.ts';
import { WHOLE_DOCUMENT } from './report.ts';
import { splitDocument } from './split-document.ts';

/** Specialists that look at each chunk; one more looks at the whole. */
const KINDS_PER_CHUNK = 3;

/** How many answers there will be. The messages of one document are one conversation, named by `docId`. */
export async function publishDocument(bus: Bus, docId: string, text: string): Promise<{ readonly answers: number }> {
  const chunks = splitDocument(text);
  const answers = chunks.length * KINDS_PER_CHUNK + 1;
  const whole = { id: WHOLE_DOCUMENT, section: '', line: 1, column: 1, text };
  const options = { conversationId: docId };
  await bus.publish('doc.review.tasks', ReviewTask, { docId, scope: 'document', answers, chunk: whole }, options);
  for (const chunk of chunks) {
    await bus.publish('doc.review.tasks', ReviewTask, { docId, scope: 'chunk', answers, chunk }, options);
  }
  return { answers };
}
