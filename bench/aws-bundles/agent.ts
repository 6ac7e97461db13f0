import { defineAgent, genericJson } from 'guildwire';

/** As little as an agent can be, so that only Guildwire weighs. */
export default defineAgent({
  name: 'echo',
  entry: import.meta.url,
  subscribes: ['asked'],
  publishes: ['answered'],
  handlers: (on) => [on(genericJson, (payload, context) => context.publish('answered', genericJson, payload))],
});
