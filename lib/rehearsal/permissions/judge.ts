/** @module What IAM says to a call within one account: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html */
import { type Access, all, applies, means, type Principal, type Statement } from './statement.ts';

/** `unknown`: what is written in the policies depends on what a rehearsal does not know. */
export type Verdict = 'allowed' | 'denied' | 'missing' | 'unknown';

export interface Judged {
  readonly who: Principal;
  /** Of its role. */
  readonly own: readonly Statement[];
  /** Of the resource's policy. */
  readonly others: readonly Statement[];
}

/** A statement that denies wins; one that allows is enough, whether it is the role's or the resource's. */
export function judge({ who, own, others }: Judged, access: Access): Verdict {
  const applying = (effect: Statement['effect']) => [
    ...own.filter((one) => one.effect === effect).map((one) => applies(one, access)),
    ...others.filter((one) => one.effect === effect).map((one) => all([means(one, who), applies(one, access)])),
  ];
  const denials = applying('Deny');
  if (denials.includes(true)) return 'denied';
  if (denials.includes(undefined)) return 'unknown';
  const grants = applying('Allow');
  if (grants.includes(true)) return 'allowed';
  return grants.includes(undefined) ? 'unknown' : 'missing';
}
