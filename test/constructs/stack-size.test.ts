import { App, CfnResource, NestedStack, Stack } from 'aws-cdk-lib';
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

test('CloudFormation changes no more than 2,500 resources at once, those of nested stacks included', () => {
  const stack = stackOf(100);
  for (let nested = 0; nested < 6; nested++) {
    const inner = new NestedStack(stack, `Nested${nested}`);
    for (let index = 0; index < 399; index++) new CfnResource(inner, `R${index}`, { type: 'A::B::C' });
  }
  expect(sizeFaults(stack, 'nested')).toEqual([]);

  new CfnResource(stack, 'OneMore', { type: 'A::B::C' });
  expect(sizeFaults(stack, 'nested')).toEqual([
    'makes 2501 resources in the stack Big and those nested in it, but the limit is 2500: split the guild',
  ]);
});
