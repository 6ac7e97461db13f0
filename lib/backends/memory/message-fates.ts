/** @module What became of one message for one subscription: what has ended, and what has not. */
import type { Message } from '../../core/message.ts';
import type { Fate } from '../backend.ts';
import type { DeliveryQueue } from './delivery-queue.ts';

/** One for each delivery to the subscription, by epoch. */
export function fatesOf(queue: DeliveryQueue, message: Message): readonly Fate[] {
  const { id, topic } = message;
  const open: Fate[] = [];
  for (const [delivery, place] of queue.open()) {
    if (delivery.key.id !== id || delivery.key.topic !== topic) continue;
    const isRunning = place === 'running';
    const state = isRunning || place === 'retrying' ? place : 'waiting';
    open.push({
      agent: queue.agent,
      topic,
      epoch: delivery.epoch,
      attempts: delivery.faults.length + (isRunning ? 1 : 0),
      state,
    });
  }
  return queue.fates.of(message, open);
}
