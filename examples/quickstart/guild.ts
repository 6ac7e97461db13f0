import { defineGuild } from 'guildwire';
import clerk from './agents/clerk.ts';
import intake from './agents/intake.ts';
import pricer from './agents/pricer.ts';
import { Order } from './formats.ts';

/** A shop of three agents, one of which has a bug. */
export default defineGuild({
  name: 'shop',
  agents: [intake, pricer, clerk],
  topics: { orders: { formats: [Order] } },
});
