import { defineAgent } from 'guildwire';
import { Greeting } from '../formats.ts';

/** Says every greeting again, louder. */
export default defineAgent({
  name: 'shouter',
  entry: import.meta.url,
  subscribes: ['greetings.quiet'],
  publishes: ['greetings.loud'],
  handlers: (on) => [
    on(Greeting, ({ text }, context) => {
      context.publish('greetings.loud', Greeting, { text: text.toUpperCase() });
    }),
  ],
});
