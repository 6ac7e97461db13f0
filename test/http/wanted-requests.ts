import fc from 'fast-check';
import { allRoutes } from '../../lib/http/routes/all-routes.ts';
import { type Resolve, type Schema, valuesOf } from './schema-arbitrary.ts';

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly schema: Schema;
}
interface Operation {
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } };
}
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}
export interface Wanted {
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

/** Requests of every route: as the document says, nearly so, and quite otherwise. */
export function requestsOf(document: Document): fc.Arbitrary<Wanted> {
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
