import { defineFormat } from 'guildwire';
import * as z from 'zod';

/** Somebody wants to be greeted. */
export const Guest = defineFormat('{{name}}.guest', z.object({ name: z.string().min(1) }));

/** What is said to a guest. */
export const Greeting = defineFormat('{{name}}.greeting', z.object({ text: z.string() }));
