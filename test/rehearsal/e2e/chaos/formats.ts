import { defineFormat } from 'guildwire';
import * as z from 'zod';

export const Task = defineFormat('chaos.task', z.object({ n: z.int(), isBad: z.boolean() }));
export const Part = defineFormat('chaos.part', z.object({ n: z.int() }));
export const Tally = defineFormat('chaos.tally', z.object({ n: z.int(), key: z.string(), count: z.int() }));
export const Count = defineFormat('chaos.count', z.object({ count: z.int() }));
