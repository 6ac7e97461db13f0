import fc from 'fast-check';
import { expect, test } from 'vitest';
import { testSeed } from '../../lib/environment/variables.ts';
import { statusesOf } from '../../lib/http/openapi.ts';
import type { Route } from '../../lib/http/route.ts';
import { allRoutes } from '../../lib/http/routes/all-routes.ts';
import { Problem } from '../../lib/http/schemas/answers.ts';
import { docGuild, HttpLab } from './lab.ts';
import { type Resolve, type Schema, valuesOf } from './schema-arbitrary.ts';

const REQUESTS = 10_000;
const AT_ONCE = 25;

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly schema: Schema;
}
interface Operation {
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } };
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}
interface Wanted {
  readonly id: string;
  readonly path: string;
  readonly init: {
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string | undefined;
  };
}

/** Names of things that are there, so that not everything ends as not found. `@id` is filled in by the run. */
const usual: Readonly<Record<string, readonly string[]>> = {
  namespace: ['default'],
  topic: ['doc.tasks', 'doc.results', 'doc.*', '**', '$dead.worker'],
  agent: ['worker', 'reader'],
  id: ['@id', '@plan', 'c'],
};
/** The same for properties of bodies. */
const favourites = {
  agent: ['worker'],
  format: ['doc.task'],
  sender: ['user:local'],
  priority: [4],
  errorName: ['TypeError'],
  ids: [undefined],
};
/** A segment that a URL would resolve away leads to another route. */
const junk = fc
  .string({ minLength: 1, maxLength: 30, unit: 'binary' })
  .filter((text) => !/^\.{1,2}$/.test(text) && text.isWellFormed());
const ascii = fc.stringMatching(/^[!-~]{1,30}$/);

function requestsOf(document: Document): fc.Arbitrary<Wanted> {
  const look = (ref: string) => document.components.schemas[ref.split('/').at(-1) ?? ''] as Schema;
  const resolve: Resolve = Object.assign(look, { favourites });
  return fc.oneof(
    ...allRoutes.map((route) => {
      const operation = document.paths[route.path]?.[route.method.toLowerCase()] as Operation;
      const of = (place: Parameter['in']) => operation.parameters.filter((parameter) => parameter.in === place);
      const values = ({ name, schema }: Parameter) =>
        fc
          .oneof(
            {
              weight: 6,
              arbitrary: usual[name] === undefined ? valuesOf(schema, resolve) : fc.constantFrom(...usual[name]),
            },
            { weight: 3, arbitrary: valuesOf(schema, resolve) },
            { weight: 1, arbitrary: junk },
          )
          .map(String)
          .filter((text) => text.isWellFormed() && !/^\.{0,2}$/.test(text));
      const path = fc.record(Object.fromEntries(of('path').map((parameter) => [parameter.name, values(parameter)])));
      const query = fc
        .tuple(
          fc.record(Object.fromEntries(of('query').map((parameter) => [parameter.name, values(parameter)])), {
            requiredKeys: [],
          }),
          fc.oneof(
            { weight: 15, arbitrary: fc.constant({}) },
            { weight: 1, arbitrary: fc.dictionary(junk, junk, { maxKeys: 2 }) },
          ),
        )
        .map(([known, unknown]) => ({ ...known, ...unknown }));
      const headers = fc.record(
        {
          'idempotency-key': ascii,
          'last-event-id': fc.oneof(ascii, fc.constant('doc.tasks/@id'), fc.constant('@id')),
          'x-request-id': ascii,
          origin: fc.constantFrom('http://localhost', 'https://evil.example'),
        },
        { requiredKeys: [] },
      );
      return fc
        .record({ path, query, headers, type: types, body: bodiesOf(operation, resolve) })
        .map((given): Wanted => {
          const filled = route.path.replace(/\{(\w+)\}/g, (_, name: string) =>
            encodeURIComponent(String(given.path[name])),
          );
          const search = new URLSearchParams(Object.entries(given.query) as [string, string][]).toString();
          const hasBody = given.body !== undefined && route.method !== 'GET';
          return {
            id: route.id,
            path: search === '' ? filled : `${filled}?${search}`,
            init: {
              method: route.method,
              headers: { ...given.headers, ...(hasBody && given.type !== '' && { 'content-type': given.type }) },
              ...(hasBody && { body: given.body }),
            },
          };
        });
    }),
  );
}

const types = fc.oneof(
  { weight: 20, arbitrary: fc.constant('application/json') },
  { weight: 1, arbitrary: fc.constantFrom('text/plain', 'application/json; charset=latin1', '') },
);

/** What the schema allows, the same with something wrong in it, any JSON, and no JSON. */
function bodiesOf({ requestBody }: Operation, resolve: Resolve): fc.Arbitrary<string | undefined> {
  if (requestBody === undefined)
    return fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: junk });
  const right = valuesOf(requestBody.content['application/json'].schema, resolve);
  const wrong = fc
    .tuple(right, fc.string({ maxLength: 12 }), fc.jsonValue({ maxDepth: 2 }))
    .map(([value, name, other]) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? { ...value, [Object.keys(value).find((key) => key.length % 3 === name.length % 3) ?? name]: other }
        : other,
    );
  const json = fc.oneof(
    { weight: 6, arbitrary: right },
    { weight: 3, arbitrary: wrong },
    { weight: 1, arbitrary: fc.jsonValue() },
  );
  return fc.oneof(
    { weight: 15, arbitrary: json.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: junk },
  );
}

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
