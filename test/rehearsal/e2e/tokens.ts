import { generateKeyPairSync, sign } from 'node:crypto';
import type { JsonObject } from '../../../lib/core/json.ts';

export const issuer = 'https://issuer.example';
export const audience = 'guild';
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const issuerKeys = { [issuer]: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k' }] };

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A bearer's header, with these claims. */
export function bearer(claims: JsonObject): { readonly authorization: string } {
  const exp = Math.floor(Date.now() / 1_000) + 3_600;
  const text = `${encoded({ alg: 'RS256', kid: 'k' })}.${encoded({ iss: issuer, aud: audience, exp, ...claims })}`;
  const signature = sign('sha256', Buffer.from(text), privateKey);
  return { authorization: `Bearer ${text}.${signature.toString('base64url')}` };
}
