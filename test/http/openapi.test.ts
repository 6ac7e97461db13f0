import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import fc from 'fast-check';
import { MemoryBackend } from 'guildwire';
import { bearerToken, createHttpApp } from 'guildwire/http';
import { describe, expect, test } from 'vitest';
import { allRoutes } from '../../lib/http/routes/all-routes.ts';
import { NewMessage } from '../../lib/http/schemas/new-message.ts';
import { NewPlan } from '../../lib/http/schemas/new-plan.ts';
import { type Schema, valuesOf } from './schema-arbitrary.ts';

interface Document {
  readonly openapi: string;
  readonly security?: readonly object[];
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly operationId: string; readonly security?: [] }>>>
  >;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>>; readonly securitySchemes?: object };
}

async function documentOf(options: object = {}): Promise<Document> {
  const app = createHttpApp({ backend: new MemoryBackend(), ...options });
  return (await (await app.request('/v1/openapi.json')).json()) as Document;
}

describe('the OpenAPI document', () => {
  test.each([
    ['open', {}],
    ['protected', { authenticate: bearerToken('a-long-secret-of-mine') }],
  ])('of an app that is %s is valid, as version 3.1', async (_, options) => {
    const document = await documentOf(options);
    const validator = new Validator();

    expect(await validator.validate(structuredClone(document) as never)).toEqual({ valid: true });
    expect(document.openapi).toBe('3.1.0');
  });

  test('would be refused if it were broken', async () => {
    const broken = { ...(await documentOf()), paths: { x: { get: {} } } };

    expect((await new Validator().validate(broken as never)).valid).toBe(false);
  });

  test('has every route, each under a name of its own', async () => {
    const { paths } = await documentOf();
    const operations = Object.values(paths).flatMap((methods) => Object.values(methods));

    expect(operations.map(({ operationId }) => operationId).toSorted()).toEqual(
      allRoutes.map(({ id }) => id).toSorted(),
    );
    expect(new Set(allRoutes.map(({ id }) => id)).size).toBe(allRoutes.length);
  });

  test('and docs/http.md tell of the same routes', () => {
    const text = readFileSync(new URL('../../docs/http.md', import.meta.url), 'utf8');
    const told = [...text.matchAll(/^\| `(GET|POST) ([^`]+)` \| (\w+) \|/gm)].map(([, ...row]) => row.join(' '));
    const routes = allRoutes.map(({ method, path, needs = 'nothing' }) => {
      return [method, path.replace('/v1/namespaces/{namespace}', ''), needs].join(' ');
    });

    expect(told.toSorted()).toEqual(routes.toSorted());
  });

  test('says where a token is needed', async () => {
    const { security, paths, components } = await documentOf({ authenticate: bearerToken('a-long-secret-of-mine') });

    expect(security).toEqual([{ bearer: [] }]);
    expect(components.securitySchemes).toEqual({ bearer: { type: 'http', scheme: 'bearer' } });
    expect(paths['/health/live']?.get?.security).toEqual([]);
    expect(paths['/metrics']?.get?.security).toBeUndefined();
    expect((await documentOf()).security).toBeUndefined();
  });

  test('resolves every reference that it makes', async () => {
    const document = await documentOf();
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = '']) => path);

    expect(references.length).toBeGreaterThan(50);
    for (const path of new Set(references)) {
      const target = path
        .split('/')
        .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], document);
      expect(target, path).toBeDefined();
    }
  });
});

describe('what the document allows', () => {
  test.each([
    ['NewMessage', NewMessage],
    ['NewPlan', NewPlan],
  ])('as %s is taken', async (name, schema) => {
    const { schemas } = (await documentOf()).components;
    const resolve = (ref: string) => schemas[ref.split('/').at(-1) ?? ''] as Schema;
    // What JSON Schema cannot say: the largest object in bytes, and which topics are the platform's.
    const beyond = ['sessionState', 'headers', 'replyTo', 'topics', 'ids'];

    fc.assert(
      fc.property(valuesOf(resolve(`#/${name}`), resolve), (value) => {
        const { error } = schema.safeParse(value);
        const faults = error?.issues.filter(({ path }) => !beyond.includes(String(path[0]))) ?? [];
        expect(faults, JSON.stringify(value)).toEqual([]);
      }),
      { seed: 7, numRuns: 500 },
    );
  });
});
