import { defineFormat } from 'guildwire';
import * as z from 'zod';

const line = z.object({ product: z.string(), count: z.int().min(1), cents: z.int().min(0) });

/** What somebody wants to buy. */
export const Order = defineFormat(
  'shop.order',
  z.object({ lines: z.array(line).min(1), coupon: z.string().optional() }),
);

/** An order that can be had. */
export const Accepted = defineFormat(
  'shop.accepted',
  z.object({ lines: z.array(line), coupon: z.string().optional() }),
);

/** What it costs. */
export const Price = defineFormat('shop.price', z.object({ cents: z.int() }));

/** What the customer gets to read. */
export const Receipt = defineFormat('shop.receipt', z.object({ text: z.string() }));
