import { deliveryMutants } from './delivery-mutants.ts';
import { historyMutants } from './history-mutants.ts';
import type { Mutant } from './mutant.ts';
import { promisingMutants } from './promising-mutants.ts';
import { publishingMutants } from './publishing-mutants.ts';
import { recordMutants } from './record-mutants.ts';

export const mutants: readonly Mutant[] = [
  ...promisingMutants,
  ...publishingMutants,
  ...deliveryMutants,
  ...recordMutants,
  ...historyMutants,
];
