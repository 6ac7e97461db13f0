/** @module Publishers that hand on what they have stored, for families with `relay: 'direct'`: the relay then skips it. */
import type { DirectBatch } from '../log/log-writer.ts';
import { encodeEntry } from '../queues/queue-entry.ts';
import { type Arrival, readItem } from './arrival.ts';
import { JoinedBatches } from './joined-batches.ts';
import { type Publication, type PublishBatch, Publisher } from './publisher.ts';
import type { Routes } from './routes.ts';

/** Hands on items that were just stored, those of one call in as few batches as that takes without waiting. */
export function directBy(routes: Routes, publishBatch: PublishBatch): () => DirectBatch {
  const publisher = new Publisher(publishBatch);
  return () => {
    const batches = new JoinedBatches(publisher);
    return {
      handsOn: (message) => routes.of(message.topic, message).destinations.length > 0,
      async publish(items) {
        const arrivals = items.map((item) => readItem('', item)).filter((read): read is Arrival => 'content' in read);
        const publications = arrivals.flatMap(({ namespace, key, content }): readonly Publication[] => {
          const entry = encodeEntry({ namespace, key, epoch: 0, cause: 'published', content });
          return routes.of(key.topic, content).destinations.map((destination) => ({ ...destination, entry }));
        });
        const errors = await Promise.all(publications.map((publication) => batches.publish(publication)));
        return errors.find((error) => error !== undefined);
      },
      close: () => batches.close(),
    };
  };
}
