/** @module Tokens of an OpenID provider, as a JWT authorizer checks them. */
import { createPublicKey, type JsonWebKey, verify } from 'node:crypto';
import type { Json, JsonObject } from '../../core/json.ts';

export interface JwtRules {
  readonly issuer: string;
  readonly audience: readonly string[];
}

/** A key of a provider, as its key set has it. */
export type ProviderKey = JsonWebKey & { readonly kid?: string };

/** By issuer; where it is not named here, its discovery document says where its keys are. */
export type ProviderKeys = Readonly<Record<string, readonly ProviderKey[]>>;

/** API Gateway takes RSA only, and a key by its id: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html */
const ALGORITHMS: ReadonlyMap<unknown, string> = new Map([
  ['RS256', 'sha256'],
  ['RS384', 'sha384'],
  ['RS512', 'sha512'],
]);

export class JwtVerifier {
  readonly #keys = new Map<string, Promise<readonly ProviderKey[]>>();

  constructor(given: ProviderKeys) {
    for (const [issuer, keys] of Object.entries(given)) this.#keys.set(issuer, Promise.resolve(keys));
  }

  /** The claims of a token that is valid; `undefined` for any other. */
  async claimsOf(authorization: string | undefined, rules: JwtRules): Promise<JsonObject | undefined> {
    const token = (authorization ?? '').replace(/^Bearer /i, '');
    const [head = '', body = '', signature = ''] = token.split('.');
    const header = jsonOf(head);
    const claims = jsonOf(body);
    const hash = ALGORITHMS.get(header?.alg);
    if (header === undefined || claims === undefined || hash === undefined || !holds(claims, rules)) return undefined;
    const keys = await this.#keysOf(rules.issuer);
    const named = keys.filter(({ kid, kty }) => kty === 'RSA' && kid !== undefined && kid === header.kid);
    const data = Buffer.from(`${head}.${body}`);
    const signed = named.some((key) => {
      const publicKey = createPublicKey({ key, format: 'jwk' });
      return verify(hash, data, publicKey, Buffer.from(signature, 'base64url'));
    });
    return signed ? claims : undefined;
  }

  #keysOf(issuer: string): Promise<readonly ProviderKey[]> {
    const known = this.#keys.get(issuer) ?? discovered(issuer);
    this.#keys.set(issuer, known);
    known.catch(() => this.#keys.delete(issuer));
    return known.catch(() => []);
  }
}

async function discovered(issuer: string): Promise<readonly ProviderKey[]> {
  const document = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  const { jwks_uri } = (await document.json()) as { jwks_uri: string };
  const { keys } = (await (await fetch(jwks_uri)).json()) as { keys: readonly ProviderKey[] };
  return keys;
}

function holds(claims: JsonObject, { issuer, audience }: JwtRules): boolean {
  const now = Date.now() / 1000;
  const aimedAt = [claims.aud ?? claims.client_id].flat();
  const begun = [claims.nbf, claims.iat].every((time) => time === undefined || Number(time) <= now);
  return (
    claims.iss === issuer &&
    begun &&
    Number(claims.exp) > now &&
    aimedAt.some((name) => audience.includes(String(name)))
  );
}

/** Whether the token grants one of the scopes; so does any where none is asked for. */
export function grants(claims: JsonObject, scopes: readonly string[]): boolean {
  const granted = [claims.scope ?? claims.scp ?? ''].flat().flatMap((scope) => String(scope).split(' '));
  return scopes.length === 0 || scopes.some((scope) => granted.includes(scope));
}

/** Claims as a function gets them: everything is text, and lists stand in brackets. */
export function claimTexts(claims: JsonObject): Record<string, string> {
  const text = (value: Json) => {
    if (Array.isArray(value)) return `[${value.join(' ')}]`;
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  };
  return Object.fromEntries(Object.entries(claims).map(([name, value]) => [name, text(value)]));
}

function jsonOf(part: string): JsonObject | undefined {
  try {
    const value = JSON.parse(Buffer.from(part, 'base64url').toString()) as Json;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}
