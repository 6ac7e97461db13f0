import { defineAgent } from 'guildwire';
import { Price, Receipt } from '../formats.ts';

/** Writes receipts. */
export default defineAgent({
  name: 'clerk',
  entry: import.meta.url,
  subscribes: ['prices'],
  publishes: ['receipts'],
  handlers: (on) => [
    on(Price, ({ cents }, context) => {
      context.publish('receipts', Receipt, { text: `That is ${(cents / 100).toFixed(2)} €, thank you.` });
    }),
  ],
});
