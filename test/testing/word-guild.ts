import { defineAgent, defineFormat, defineGuild } from 'guildwire';
import * as z from 'zod';

export const Text = defineFormat('test.text', z.object({ text: z.string() }));
export const Words = defineFormat('test.words', z.object({ text: z.string(), words: z.number().default(0) }));

const splitter = defineAgent({
  name: 'splitter',
  entry: import.meta.url,
  subscribes: ['texts'],
  publishes: ['words.*'],
  guarantee: 'exactly-once',
  handlers: (on) => [
    on(Text, ({ text }, context) => {
      for (const [n, word] of text.split(' ').entries()) context.publish(`words.${n}`, Text, { text: word });
    }),
  ],
});

const counter = defineAgent({
  name: 'counter',
  entry: import.meta.url,
  subscribes: ['words.*'],
  publishes: ['counts'],
  state: Words,
  handlers: (on) => [
    on(Text, async ({ text }, context) => {
      if (text === 'broken') throw new Error('cannot read it');
      const before = await context.state.get('words');
      const words = (before?.words ?? 0) + 1;
      context.state.set('words', { text, words });
      context.publish('counts', Words, { text, words });
    }),
  ],
});

/** Splits texts into words, and counts the words: right only if every delivery takes effect exactly once. */
export const wordGuild = defineGuild({ name: 'words', agents: [splitter, counter] });
