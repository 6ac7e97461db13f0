/** @module Who calls an HTTP API: whoever its authorizer let through, with what their claims allow them. */
import { MAX_NAMESPACE, nameProblem } from '../../core/topic.ts';
import { type Permission, type Principal, permissions } from '../../http/authenticate.ts';
import type { HttpEvent } from './events.ts';

/** Claims of a token: names separated by spaces or commas, `*` for any namespace. Cognito writes `custom:` before its own. */
export const namespacesClaim = 'guildwire_namespaces';
/** Permissions, separated likewise. @default read publish */
export const permissionsClaim = 'guildwire_permissions';

const DEFAULT_PERMISSIONS: readonly Permission[] = ['read', 'publish'];
const MAX_ID = 200;

/**
 * Who sent the request; undefined if no authorizer says it.
 *
 * A caller with IAM credentials may do everything in the namespaces of the deployment: which routes they reach is for their
 * policy to say (`execute-api:Invoke` on a path). A bearer of a JWT may do what its claims say, and nothing without them.
 *
 * @param served The namespaces of the deployment; nobody gets further than those.
 */
export function callerOf({ requestContext }: HttpEvent, served: '*' | readonly string[]): Principal | undefined {
  const { iam, jwt } = requestContext.authorizer ?? {};
  if (typeof iam?.userArn === 'string') return { id: nameInArn(iam.userArn), namespaces: served, may: permissions };
  const subject = jwt?.claims?.sub ?? jwt?.claims?.client_id;
  if (jwt === undefined || typeof subject !== 'string' || subject === '') return undefined;
  const claimed = listIn(jwt.claims, namespacesClaim);
  const may = listIn(jwt.claims, permissionsClaim);
  return {
    id: subject.slice(0, MAX_ID),
    namespaces: common(claimed ?? [], served),
    may: may === undefined ? DEFAULT_PERMISSIONS : permissions.filter((permission) => may.includes(permission)),
  };
}

/** `assumed-role/Publisher/session` of `arn:aws:sts::111122223333:assumed-role/Publisher/session`. */
const nameInArn = (arn: string) => arn.split(':').slice(5).join(':').slice(-MAX_ID) || arn.slice(-MAX_ID);

/** API Gateway writes an array as `[a b]`. */
function listIn(claims: Readonly<Record<string, unknown>>, name: string): readonly string[] | undefined {
  const claim = claims[name] ?? claims[`custom:${name}`];
  if (claim === undefined) return undefined;
  return String(claim)
    .replaceAll(/[[\]]/g, ' ')
    .split(/[\s,]+/)
    .filter((part) => part !== '');
}

/** Without what can be no namespace: tokens are made for other services as well. */
function common(claimed: readonly string[], served: '*' | readonly string[]): '*' | readonly string[] {
  if (claimed.includes('*')) return served;
  return claimed.filter((namespace) =>
    served === '*' ? nameProblem(namespace, MAX_NAMESPACE) === undefined : served.includes(namespace),
  );
}
