/** @module R: asking over the bus, and being answered. */
import type { ContractGroup } from './contract-test.ts';

export const requestReplyGroup: ContractGroup = {
  title: 'request/reply',
  define(contract) {
    contract.todo('R1 a reply is found whether it comes early, late, twice or with a foreign id, by any instance');
  },
};
