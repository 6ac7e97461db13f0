/** What must not compile. Checked by `tsc`, not run. */
import { genericJson } from 'guildwire';
import type { Client } from 'guildwire/client';
import { Result, Task } from '../http/lab.ts';

declare const client: Client;

export async function publishes(): Promise<void> {
  await client.publish('a', Task, { text: 'x' });
  // @ts-expect-error The payload does not fit the format.
  await client.publish('a', Task, { text: 1 });

  await client.publishMany([
    { topics: 'a', format: Task, payload: { text: 'x' } },
    { topics: ['a', 'b'], format: genericJson, payload: [1], options: { priority: 1 } },
  ]);
  await client.publishMany([1, 2].map((payload) => ({ topics: 'a', format: genericJson, payload })));
  await client.publishMany([
    { topics: 'a', format: Result, payload: { text: 'x' } },
    // @ts-expect-error Each payload is checked against its own format.
    { topics: 'a', format: Task, payload: { words: 'x' } },
  ]);
  // @ts-expect-error There is no such option.
  await client.publish('a', Task, { text: 'x' }, { prio: 1 });
}
