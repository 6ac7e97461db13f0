/** @module O: the store goes away and comes back. */
import type { ContractGroup } from './contract-test.ts';

export const outageGroup: ContractGroup = {
  title: 'outage',
  define(contract) {
    contract.todo('O1 publish fails in time while the store is away, and consumers resume by themselves');
  },
};
