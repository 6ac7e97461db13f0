/** @module Who asks, and what they may do. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { type FieldFault, InvalidArgumentError } from '../core/errors.ts';
import { show } from '../core/show.ts';
import { MAX_NAMESPACE, nameProblem } from '../core/topic.ts';
import { ForbiddenError } from './http-errors.ts';

export type Permission = 'read' | 'publish' | 'operate';

/** Somebody who asks. */
export interface Principal {
  /** What they publish has the sender `user:<id>`. */
  readonly id: string;
  /** Where they may act. */
  readonly namespaces: '*' | readonly string[];
  /**
   * - `read`: history, streams, agents, explanations, metrics.
   * - `publish`: messages.
   * - `operate`: pause and resume, redrive, discard and replay.
   */
  readonly may: readonly Permission[];
}

/** Who sent a request; undefined if that cannot be told, and then the request is refused. */
export type Authenticate = (request: Request) => Principal | undefined | Promise<Principal | undefined>;

export interface TokenOptions {
  /** At least 16 visible characters. */
  readonly token: string;
  readonly id: string;
  /** @default '*' */
  readonly namespaces?: '*' | readonly string[];
  /** @default - everything */
  readonly may?: readonly Permission[];
}

export const permissions: readonly Permission[] = ['read', 'publish', 'operate'];
/** Who asks an open server. */
export const anybody: Principal = Object.freeze({ id: 'local', namespaces: '*', may: permissions });

const MIN_TOKEN = 16;
const MAX_ID = 200;
const TOKEN = new RegExp(`^[!-~]{${MIN_TOKEN},1024}$`);
const digest = (text: string) => createHash('sha256').update(text).digest();

/**
 * Knows its callers by their token, in the header `Authorization: Bearer <token>`. Tokens are compared in a time that tells
 * nothing about them.
 *
 * @param tokens One token, whose bearer may do everything, or several with what each may do.
 * @throws InvalidArgumentError with every fault; it never shows a token.
 * @example
 * const authenticate = bearerToken([
 *   { token: 'a-long-secret-of-the-shop', id: 'shop', namespaces: ['shop-eu'], may: ['publish'] },
 * ]);
 */
export function bearerToken(tokens: string | readonly TokenOptions[]): Authenticate {
  const given = typeof tokens === 'string' ? [{ token: tokens, id: 'token' }] : tokens;
  const faults = tokenFaults(given, typeof tokens === 'string');
  if (faults.length > 0) throw new InvalidArgumentError(faults);
  const known = given.map(({ token, id, namespaces = '*', may = permissions }: TokenOptions) => ({
    digest: digest(token),
    principal: Object.freeze({ id, namespaces, may }) satisfies Principal,
  }));
  return (request) => {
    const [, token] = /^Bearer +(\S+) *$/i.exec(request.headers.get('authorization') ?? '') ?? [];
    if (token === undefined) return undefined;
    const wanted = digest(token);
    let found: Principal | undefined;
    // All of them, whichever it is: how long it takes must not tell.
    for (const entry of known) if (timingSafeEqual(entry.digest, wanted)) found = entry.principal;
    return found;
  };
}

function tokenFaults(tokens: readonly TokenOptions[], isSingle: boolean): FieldFault[] {
  if (!Array.isArray(tokens) || tokens.length === 0)
    return [{ field: 'tokens', problem: `got ${show(tokens)}: allowed are a token, and an array of at least one` }];
  const faults: FieldFault[] = [];
  for (const [index, entry] of (tokens as readonly Partial<TokenOptions>[]).entries()) {
    const { token, ...principal } = entry ?? {};
    const place = isSingle ? '' : `tokens[${index}].`;
    if (typeof token !== 'string' || !TOKEN.test(token)) {
      faults.push({
        field: `${place}token`,
        problem: `is not at least ${MIN_TOKEN} visible characters without a space`,
      });
    }
    const { id, namespaces = '*', may = permissions } = principal;
    for (const fault of principalFaults({ id, namespaces, may } as Principal)) {
      faults.push({ field: `${place}${fault.field}`, problem: fault.problem });
    }
  }
  const distinct = new Set(tokens.map((entry) => entry?.token));
  if (distinct.size < tokens.length) faults.push({ field: 'tokens', problem: 'has one token twice' });
  return faults;
}

/** What is wrong with a principal, as an authenticator of one's own may give it. */
export function principalFaults({ id, namespaces, may }: Principal): readonly FieldFault[] {
  const faults: FieldFault[] = [];
  if (typeof id !== 'string' || id === '' || id.length > MAX_ID)
    faults.push({ field: 'id', problem: `got ${show(id)}: allowed is text of 1 to ${MAX_ID} characters` });
  const areNames =
    Array.isArray(namespaces) && namespaces.every((name) => nameProblem(name, MAX_NAMESPACE) === undefined);
  if (namespaces !== '*' && !areNames)
    faults.push({
      field: 'namespaces',
      problem: `got ${show(namespaces)}: allowed are '*', and an array of namespaces`,
    });
  if (!Array.isArray(may) || may.some((permission) => !permissions.includes(permission)))
    faults.push({ field: 'may', problem: `got ${show(may)}: allowed is an array of ${permissions.join(', ')}` });
  return faults;
}

export const seesNamespace = ({ namespaces }: Principal, namespace: string): boolean =>
  namespaces === '*' || namespaces.includes(namespace);

/** @throws ForbiddenError that says what is missing. */
export function authorize(principal: Principal, needs: Permission, namespace: string | undefined): void {
  const who = JSON.stringify(principal.id);
  if (namespace !== undefined && !seesNamespace(principal, namespace)) {
    const own = principal.namespaces === '*' ? '' : principal.namespaces.join(', ');
    throw new ForbiddenError(`${who} has no access to namespace ${show(namespace)}: it has to ${own || 'none'}`);
  }
  if (principal.may.includes(needs)) return;
  throw new ForbiddenError(`${who} may not ${needs}: it may ${principal.may.join(' and ') || 'do nothing'}`);
}
