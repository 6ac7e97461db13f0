import fc from 'fast-check';
import { expect, test } from 'vitest';
import { testSeed } from '../../lib/environment/variables.ts';
import { statusesOf } from '../../lib/http/openapi.ts';
import type { Route } from '../../lib/http/route.ts';
import { allRoutes } from '../../lib/http/routes/all-routes.ts';
import { Problem } from '../../lib/http/schemas/answers.ts';
import { docGuild, HttpLab } from './lab.ts';
import { type Document, requestsOf, type Wanted } from './wanted-requests.ts';

const REQUESTS = 10_000;
const AT_ONCE = 25;

/** Answered as the document says, and never with a failure of the server's own. */
async function check(lab: HttpLab, { id, path, init }: Wanted): Promise<number> {
  const route = allRoutes.find((each) => each.id === id) as Route;
  const answered = lab.app.request(path, init as RequestInit);
  const response = await lab.clock.runUntil(answered);
  const { status } = response;
  const isStream = response.headers.get('content-type') === 'text/event-stream';
  const text = isStream ? '' : await response.text();
  if (isStream) await response.body?.cancel();
  const about = `${init.method} ${path} ${init.body ?? ''} -> ${status} ${text.slice(0, 300)}`;

  expect(status, about).not.toBe(500);
  expect(statusesOf(route).has(status), about).toBe(true);
  const answer = route.answers[status];
  if (answer === undefined) expect(Problem.safeParse(JSON.parse(text)).error, about).toBeUndefined();
  else if (answer.schema !== undefined) expect(answer.schema.safeParse(JSON.parse(text)).error, about).toBeUndefined();
  return status;
}

test(`${REQUESTS} requests, made from the document, are answered as it says and meet no failure`, async () => {
  const seed = testSeed() ?? 20_260_101;
  await using first = new HttpLab();
  const { body: document } = await first.ask<Document>('/v1/openapi.json');
  const statuses = new Map<number, number>();

  await fc.assert(
    fc.asyncProperty(
      fc.array(requestsOf(document as Document), { minLength: AT_ONCE, maxLength: AT_ONCE }),
      async (wanted) => {
        await using lab = new HttpLab({ guild: docGuild });
        await lab.start();
        const id = await lab.publish('doc.tasks', { text: 'bad' }, { format: 'doc.task', conversationId: 'c' });
        await lab.clock.quiet();
        const plan = await lab.post<{ id: string }>('/v1/namespaces/default/plans', {
          action: 'redrive',
          agent: 'worker',
        });
        expect(plan.status).toBe(201);
        const fill = (text: string) => text.replaceAll(/@id|%40id/g, id).replaceAll(/@plan|%40plan/g, plan.body.id);
        for (const { id: route, path, init } of wanted) {
          const headers = Object.fromEntries(Object.entries(init.headers).map(([name, value]) => [name, fill(value)]));
          const status = await check(lab, { id: route, path: fill(path), init: { ...init, headers } });
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
      },
    ),
    { seed, numRuns: REQUESTS / AT_ONCE, endOnFailure: true },
  );

  // If nearly everything were refused, little would have been looked at.
  const succeeded = [...statuses].filter(([status]) => status < 300).reduce((sum, [, count]) => sum + count, 0);
  expect(succeeded).toBeGreaterThan(REQUESTS / 4);
  expect([...statuses.keys()].toSorted((one, other) => one - other)).toEqual(
    expect.arrayContaining([200, 201, 202, 400, 404, 415, 501]),
  );
});
