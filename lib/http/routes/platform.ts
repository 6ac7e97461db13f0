/** @module What stands beside the namespaces: health, metrics and the description of the API. */
import * as z from 'zod/mini';
import { seesNamespace } from '../authenticate.ts';
import { checkHealth } from '../health.ts';
import { metricsText } from '../metrics-text.ts';
import { defineRoute, toJson } from '../route.ts';
import { Alive, Health } from '../schemas/answers.ts';
import { closed } from '../schemas/fields.ts';

const nothing = closed({});
/** Probes and scrapers add what they like. */
const anything = z.looseObject({});

export const live = defineRoute({
  id: 'live',
  method: 'GET',
  path: '/health/live',
  tag: 'platform',
  summary: 'Whether the process answers',
  params: nothing,
  query: anything,
  answers: { 200: { description: 'It does.', schema: Alive } },
  problems: [],
  run: () => toJson(200, { status: 'alive' }),
});

export const ready = defineRoute({
  id: 'ready',
  method: 'GET',
  path: '/health/ready',
  tag: 'platform',
  summary: 'Whether everything that it needs can be reached',
  params: nothing,
  query: anything,
  answers: {
    200: { description: 'Ready.', schema: Health },
    503: { description: 'Not ready, or about to stop.', schema: Health },
  },
  problems: [],
  run: async ({ services }) => {
    const health = await checkHealth(services);
    return toJson(health.status === 'ready' ? 200 : 503, health);
  },
});

export const metrics = defineRoute({
  id: 'metrics',
  method: 'GET',
  path: '/metrics',
  tag: 'platform',
  summary: 'Metrics for Prometheus, of the namespaces that may be read',
  needs: 'read',
  params: nothing,
  query: anything,
  answers: { 200: { description: 'In the text format, version 0.0.4.', type: 'text/plain' } },
  problems: [],
  run: async ({ services, principal }) => ({
    status: 200,
    type: 'text/plain; version=0.0.4; charset=utf-8',
    body: await metricsText(services, (name) => seesNamespace(principal, name), principal.namespaces === '*'),
  }),
});

export const openapi = defineRoute({
  id: 'openapi',
  method: 'GET',
  path: '/v1/openapi.json',
  tag: 'platform',
  summary: 'This description',
  params: nothing,
  query: anything,
  answers: { 200: { description: 'OpenAPI 3.1.' } },
  problems: [],
  run: async ({ services }) => ({ status: 200, body: await services.document() }),
});
