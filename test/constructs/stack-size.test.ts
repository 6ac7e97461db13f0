import { App, CfnResource, Stack } from 'aws-cdk-lib';
import { expect, test } from 'vitest';
import { sizeFaults } from '../../lib/constructs/stack-size.ts';

function stackOf(resources: number): Stack {
  const stack = new Stack(new App({ analyticsReporting: false }), 'Big');
  for (let index = 0; index < resources; index++) new CfnResource(stack, `R${index}`, { type: 'A::B::C' });
  return stack;
}

test('a stack of 500 resources is deployed, and one of 501 is not', () => {
  expect(sizeFaults(stackOf(500), 'flat')).toEqual([]);
  expect(sizeFaults(stackOf(501), 'flat')).toEqual([
    "makes 501 resources in the stack Big, but the limit is 500: write layout: 'nested', which replaces the queues of agents that are deployed",
  ]);
  expect(sizeFaults(stackOf(501), 'nested')).toEqual([
    'makes 501 resources in the stack Big, but the limit is 500: split the guild',
  ]);
});

test('what lies in nested stacks does not count', () => {
  const stack = stackOf(500);
  new CfnResource(new Stack(stack, 'Other'), 'Own', { type: 'A::B::C' });

  expect(sizeFaults(stack, 'nested')).toEqual([]);
});
