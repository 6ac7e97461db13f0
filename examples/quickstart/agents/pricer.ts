import { defineAgent } from 'guildwire';
import { Accepted, Price } from '../formats.ts';

/** Adds up what an order costs. It fails on purpose, for orders without a coupon: the README shows how that is mended. */
export default defineAgent({
  name: 'pricer',
  entry: import.meta.url,
  subscribes: ['orders.accepted'],
  publishes: ['prices'],
  retry: { attempts: 3, baseMs: 200 },
  handlers: (on) => [
    on(Accepted, ({ lines, coupon }, context) => {
      const cents = lines.reduce((sum, { count, cents: each }) => sum + count * each, 0);
      const isHalf = (coupon as string).toUpperCase() === 'HALF';
      context.publish('prices', Price, { cents: isHalf ? Math.round(cents / 2) : cents });
    }),
  ],
});
