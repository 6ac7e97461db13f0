import { defineAgent } from 'guildwire';
import { Greeting, Guest } from '../formats.ts';

/** Answers every guest with a greeting. */
export default defineAgent({
  name: 'greeter',
  entry: import.meta.url,
  subscribes: ['guests'],
  publishes: ['greetings.quiet'],
  handlers: (on) => [
    on(Guest, ({ name }, context) => {
      context.publish('greetings.quiet', Greeting, { text: `Hello, ${name}!` });
    }),
  ],
});
