import { defineGuild } from 'guildwire';
import greeter from './agents/greeter.ts';
import shouter from './agents/shouter.ts';
import { Greeting, Guest } from './formats.ts';

export default defineGuild({
  name: '{{name}}',
  agents: [greeter, shouter],
  topics: { guests: { formats: [Guest] }, 'greetings.*': { formats: [Greeting], retentionDays: 7 } },
});
