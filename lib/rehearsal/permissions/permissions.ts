/** @module Whether a rehearsed function may make its calls, by the policies of the template. */
import type { ServiceCall } from '../proxy/faults.ts';
import { accessesOf, type CalledPlace, listing, objectIn } from './accesses.ts';
import type { CallContext } from './conditions.ts';
import { judge } from './judge.ts';
import type { Policies } from './policies.ts';
import type { Access, Principal } from './statement.ts';

/** Something that the deployed stack would not be allowed to do. */
export interface Denial {
  /** The function, or the service that does it by itself: `sns.amazonaws.com`. */
  readonly who: string;
  /** Of the first such call: `TransactWriteItems`; or what of the template needs it. */
  readonly call: string;
  readonly action: string;
  readonly resource: string;
  /** Of DynamoDB: the partition keys of the first such call. */
  readonly keys: readonly string[];
  /** `missing`: no statement allows it. `denied`: one forbids it. */
  readonly why: 'missing' | 'denied';
}

export interface PermissionReport {
  /** One for each that differs in who, action, resource and why; objects of one bucket are one resource. */
  readonly denied: readonly Denial[];
  /** What cannot be told, and why; such calls pass. */
  readonly unjudged: readonly string[];
}

export interface KnownPolicies {
  readonly policies: Policies;
  readonly place: CalledPlace;
  /** ARN of the role of each function, by the function's name. */
  readonly roles: ReadonlyMap<string, string>;
}

/** Somebody with a name to tell of. */
export type Actor = Principal & { readonly name: string };

export class Permissions {
  readonly #enforced: boolean;
  readonly #denied = new Map<string, Denial>();
  readonly #unjudged = new Set<string>();
  #known: KnownPolicies | undefined;

  /** @param enforced Whether calls that are not allowed are refused; they are told of in any case. */
  constructor(enforced: boolean) {
    this.#enforced = enforced;
  }

  /** Before it nothing is judged. */
  learn(known: KnownPolicies): void {
    this.#known = known;
    for (const gap of known.policies.gaps) this.#unjudged.add(gap);
  }

  /** Why a function may not make a call, as IAM words it. */
  refusal(functionName: string, call: ServiceCall): string | undefined {
    if (this.#known === undefined) return undefined;
    const accesses = accessesOf(call, this.#known.place);
    if (accesses !== undefined) return this.refusalOf(functionName, call.operation, accesses);
    this.#unjudged.add(`${functionName}: what ${call.operation} of ${call.service} needs is not known`);
    return undefined;
  }

  /** Why a function that asks for a missing object is not told so. */
  listRefusal(functionName: string, { path }: ServiceCall): string | undefined {
    const actor = this.#actorOf(functionName);
    const access = listing(objectIn(path).bucket);
    const isHidden = actor !== undefined && ['missing', 'denied'].includes(this.#verdictOf(actor, access));
    return this.#enforced && isHidden ? sentence(actor, access) : undefined;
  }

  /** Why a function may not make a call that needs all of these. */
  refusalOf(functionName: string, call: string, accesses: readonly Access[]): string | undefined {
    const actor = this.#actorOf(functionName);
    if (actor === undefined) return undefined;
    const refused = accesses.filter((access) => this.expect(actor, call, access));
    return this.#enforced && refused[0] !== undefined ? sentence(actor, refused[0]) : undefined;
  }

  /** Takes down what is not allowed, and what cannot be told. Returns whether it is not allowed. */
  expect(actor: Actor, call: string, access: Access): boolean {
    const verdict = this.#verdictOf(actor, access);
    if (verdict === 'allowed') return false;
    const { action, resource, context } = access;
    const on = `${action} on ${resource}`;
    if (verdict === 'unknown' || access.together === true) {
      const why = verdict === 'unknown' ? this.#doubtOf(actor) : 'not all parts of the transaction by one statement';
      this.#unjudged.add(`${actor.name}: ${on} for ${call}: ${why}`);
      return false;
    }
    const id = `${actor.name} ${action} ${withoutKey(resource)} ${verdict}`;
    const keys = context['dynamodb:leadingkeys'] ?? [];
    if (!this.#denied.has(id)) this.#denied.set(id, { who: actor.name, call, action, resource, keys, why: verdict });
    return true;
  }

  report(): PermissionReport {
    return { denied: [...this.#denied.values()], unjudged: [...this.#unjudged] };
  }

  #actorOf(functionName: string): (Actor & { readonly role: string }) | undefined {
    if (this.#known === undefined) return undefined;
    const { policies, roles, place } = this.#known;
    const role = roles.get(functionName) ?? '';
    if (policies.ofRole(role) !== undefined) return { name: functionName, role, account: place.account };
    this.#unjudged.add(`${functionName}: its role is not in the template`);
    return undefined;
  }

  /** Nothing counts as missing where a role may have more than what is known. */
  #verdictOf(actor: Actor, access: Access) {
    if (this.#known === undefined) return 'allowed';
    const { policies, place } = this.#known;
    const own = 'role' in actor ? policies.ofRole(actor.role) : [];
    if (own === undefined) return 'unknown';
    const context = { ...contextOf(actor, place), ...access.context };
    const others = policies.ofResource(access.resource);
    const verdict = judge({ who: actor, own, others }, { ...access, context });
    return verdict === 'missing' && this.#gapOf(actor) !== undefined ? 'unknown' : verdict;
  }

  #gapOf(actor: Actor): string | undefined {
    return 'role' in actor ? this.#known?.policies.gapOf(actor.role) : this.#known?.policies.gaps[0];
  }

  #doubtOf(actor: Actor): string {
    return this.#gapOf(actor) ?? 'a condition, a principal or a variable in the policies is not known to the rehearsal';
  }
}

const withoutKey = (resource: string) => resource.replace(/^(arn:aws:s3:::[^/]+)\/.*$/s, '$1');

/** What is true of all calls, which are said to come over TLS as on AWS. */
const contextOf = (actor: Principal, { account, region }: CalledPlace): CallContext => ({
  'aws:requestedregion': [region],
  'aws:resourceaccount': [account],
  'aws:securetransport': ['true'],
  ...('role' in actor && {
    'aws:principalaccount': [actor.account],
    'aws:principalarn': [actor.role],
    'aws:sourceaccount': [],
    'aws:sourcearn': [],
  }),
});

function sentence(actor: Actor & { readonly role: string }, { action, resource }: Access): string {
  const session = actor.role.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/');
  const who = `User: ${session}/${actor.name}`;
  return `${who} is not authorized to perform: ${action} on resource: ${resource} because no policy allows the ${action} action`;
}
