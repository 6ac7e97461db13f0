/** @module Cross-origin requests, as an HTTP API answers them itself. */
import type { Json, JsonObject } from '../../core/json.ts';

const listed = (value: Json | undefined) => (Array.isArray(value) ? value.join(',') : '');

/** The headers that every answer to this origin bears; none where the API has no rules, or does not know the origin. */
export function corsHeaders(rules: JsonObject | undefined, origin: string | undefined): Record<string, string> {
  if (rules === undefined || origin === undefined) return {};
  const origins = Array.isArray(rules.AllowOrigins) ? (rules.AllowOrigins as readonly string[]) : [];
  const everybody = origins.includes('*');
  if (!everybody && !origins.includes(origin)) return {};
  return {
    'access-control-allow-origin': everybody ? '*' : origin,
    ...(everybody ? {} : { vary: 'Origin' }),
    ...(rules.AllowCredentials === true ? { 'access-control-allow-credentials': 'true' } : {}),
    ...(rules.ExposeHeaders === undefined ? {} : { 'access-control-expose-headers': listed(rules.ExposeHeaders) }),
  };
}

/** What a preflight request gets on top of them. */
export function preflightHeaders(rules: JsonObject, origin: string | undefined): Record<string, string> {
  const headers = corsHeaders(rules, origin);
  if (Object.keys(headers).length === 0) return {};
  return {
    ...headers,
    'access-control-allow-methods': listed(rules.AllowMethods),
    'access-control-allow-headers': listed(rules.AllowHeaders),
    ...(rules.MaxAge === undefined ? {} : { 'access-control-max-age': String(rules.MaxAge) }),
  };
}
