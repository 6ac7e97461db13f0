/** Hands each task to the specialists whose work it is. */
import { defineAgent } from 'guildwire';
import { ReviewTask } from '../formats.ts';

export default defineAgent({
  name: 'coordinator',
  entry: import.meta.url,
  subscribes: ['doc.review.tasks'],
  publishes: ['doc.review.grammar', 'doc.review.clarity', 'doc.review.tone', 'doc.review.structure'],
  handlers: (on) => [
    on(ReviewTask, (task, context) => {
      if (task.scope === 'document') context.forward('doc.review.structure');
      else context.forward(['doc.review.grammar', 'doc.review.clarity', 'doc.review.tone']);
    }),
  ],
});
