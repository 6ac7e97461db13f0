/** @module What keeps tables and bucket of a log from being created, or from being of use. */
import { Token } from 'aws-cdk-lib';
import type { FieldFault } from '../core/errors.ts';
import { show } from '../core/show.ts';
import { MAX_NAMESPACE, nameProblem } from '../core/topic.ts';
import type { Namespaces } from './permissions.ts';

export interface MessageLogLimits {
  readonly namespaces?: Namespaces;
  readonly maxWriteUnits?: number;
  readonly maxReadUnits?: number;
  readonly retentionDays?: number;
}

export function messageLogFaults(props: MessageLogLimits): FieldFault[] {
  const { namespaces = 'dynamic', retentionDays } = props;
  const faults: FieldFault[] = [];
  if (namespaces.length === 0) faults.push({ field: 'namespaces', problem: "is empty: name one, or say 'dynamic'" });
  for (const namespace of namespaces === 'dynamic' ? [] : namespaces) {
    const problem = nameProblem(namespace, MAX_NAMESPACE);
    if (problem !== undefined) faults.push({ field: 'namespaces', problem });
  }
  for (const field of ['maxWriteUnits', 'maxReadUnits'] as const) {
    const units = props[field];
    if (units === undefined || Token.isUnresolved(units) || (Number.isInteger(units) && units >= 1)) continue;
    faults.push({ field, problem: `got ${show(units)}: allowed is a whole number from 1 on` });
  }
  if (retentionDays !== undefined && !(retentionDays > 0))
    faults.push({ field: 'retentionDays', problem: `got ${show(retentionDays)}: allowed is a number above 0` });
  return faults;
}
