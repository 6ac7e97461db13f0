/** @module The OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1), made from the routes and their schemas. */
import * as z from 'zod/mini';
import type { Described, Route } from './route.ts';
import { named } from './schemas/fields.ts';

type Doc = Readonly<Record<string, unknown>>;

/** Problems that any route can have that asks who is there. */
const ALWAYS = [401, 403, 421, 429, 500, 503];
const descriptions: Readonly<Record<number, string>> = {
  400: 'The request is invalid; `faults` says where.',
  401: 'It is not known who asks.',
  403: 'Who asks may not do this.',
  404: 'There is no such thing.',
  405: 'The method is not allowed.',
  409: 'It conflicts with what is there.',
  413: 'The body or the payload is too large.',
  415: 'The body is no JSON.',
  421: 'An open server was asked by a name that is not its own.',
  422: 'A filter of the guild let the message not pass.',
  429: 'Too many requests; Retry-After says when to come back.',
  500: 'The server failed.',
  501: 'The backend cannot do this.',
  503: 'Not now; Retry-After says when to come back.',
};
const PROBLEM = { $ref: '#/components/schemas/Problem' };
const problemContent = { 'application/problem+json': { schema: PROBLEM } };
const requestIdHeader = { 'X-Request-Id': { description: 'Names the request.', schema: { type: 'string' } } };

/** @param isOpen Whether nobody has to say who they are. */
export function openApiDocument(routes: readonly Route[], isOpen: boolean): Doc {
  const paths: Record<string, Record<string, Doc>> = {};
  for (const route of routes) {
    const methods = paths[route.path] ?? {};
    methods[route.method.toLowerCase()] = operation(route, isOpen);
    paths[route.path] = methods;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Guildwire',
      version: '1',
      description: 'Publish to a guild of agents, read what was said, and operate it.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: ['messages', 'agents', 'recovery', 'platform'].map((name) => ({ name })),
    ...(!isOpen && { security: [{ bearer: [] }] }),
    paths,
    components: {
      schemas: componentSchemas(),
      responses: Object.fromEntries(
        [0, ...Object.keys(descriptions)].map((status) => [`Problem${status}`, problem(Number(status))]),
      ),
      ...(!isOpen && { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } }),
    },
  };
}

/** Every status that the document gives a route. */
export function statusesOf({ answers, problems, needs }: Route): ReadonlySet<number> {
  const always = needs === undefined ? [421, 500, 503] : ALWAYS;
  return new Set([...Object.keys(answers).map(Number), ...problems, ...always]);
}

function operation(route: Route, isOpen: boolean): Doc {
  const { id, tag, summary, description, params, query, headers = {}, body, bodyIsOptional = false, needs } = route;
  const parameters = [
    ...Object.entries(params.shape).map(([name, schema]) => parameter(name, 'path', schema as z.ZodMiniType)),
    ...(query instanceof z.ZodMiniObject
      ? Object.entries(query.shape).map(([name, schema]) => parameter(name, 'query', schema as z.ZodMiniType))
      : []),
    ...Object.entries(headers).map(([name, schema]) => parameter(name, 'header', schema)),
  ];
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    ...(!isOpen && needs === undefined && { security: [] }),
    parameters,
    ...(body !== undefined && {
      requestBody: { required: !bodyIsOptional, content: { 'application/json': { schema: schemaOf(body) } } },
    }),
    responses: responses(route),
  };
}

function parameter(name: string, place: 'path' | 'query' | 'header', schema: z.ZodMiniType): Doc {
  const isOptional = schema instanceof z.ZodMiniOptional || place === 'header';
  const {
    description,
    examples: _,
    ...rest
  } = schemaOf(schema) as { readonly description?: string; examples?: unknown };
  const required = place === 'path' || !isOptional;
  return { name, in: place, required, ...(description !== undefined && { description }), schema: rest };
}

function responses(route: Route): Doc {
  const { answers } = route;
  const documented = Object.fromEntries(
    [...statusesOf(route)]
      .toSorted((one, other) => one - other)
      .map((status) => [String(status), answers[status] === undefined ? problemAt(status) : success(answers[status])]),
  );
  return { ...documented, default: problemAt(0) };
}

const problemAt = (status: number): Doc => ({ $ref: `#/components/responses/Problem${status}` });
const problem = (status: number): Doc => ({
  description: descriptions[status] ?? 'Anything else that can go wrong.',
  headers: requestIdHeader,
  content: problemContent,
});

function success({ description, schema, type = 'application/json', headers = {} }: Described): Doc {
  const own = Object.entries(headers).map(([name, text]) => [name, { description: text, schema: { type: 'string' } }]);
  const body = schema === undefined ? { type: type === 'application/json' ? 'object' : 'string' } : schemaOf(schema);
  return {
    description,
    headers: { ...requestIdHeader, ...Object.fromEntries(own) },
    content: { [type]: { schema: body } },
  };
}

/** References to named schemas instead of copies of them. */
function schemaOf(schema: z.ZodMiniType): Doc {
  const id = named.get(schema)?.id;
  if (id !== undefined) return { $ref: `#/components/schemas/${id}` };
  if (schema instanceof z.ZodMiniUnion)
    return { anyOf: schema.def.options.map((option) => schemaOf(option as z.ZodMiniType)) };
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
}

function componentSchemas(): Doc {
  const { schemas } = z.toJSONSchema(named, {
    io: 'input',
    unrepresentable: 'any',
    uri: (id) => `#/components/schemas/${id}`,
  });
  return Object.fromEntries(Object.entries(schemas).map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema]));
}
