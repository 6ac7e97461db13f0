import { defineAgent } from 'guildwire';
import { Accepted, Order } from '../formats.ts';

/** Accepts every order. */
export default defineAgent({
  name: 'intake',
  entry: import.meta.url,
  subscribes: ['orders'],
  publishes: ['orders.accepted'],
  handlers: (on) => [on(Order, (order, context) => context.publish('orders.accepted', Accepted, order))],
});
