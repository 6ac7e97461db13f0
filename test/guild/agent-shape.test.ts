import { defineAgent, genericJson, InvalidDefinitionError, type On } from 'guildwire';
import { expect, test } from 'vitest';

const minimal = {
  name: 'worker',
  entry: 'file:///worker.ts',
  subscribes: ['a'],
  handlers: (on: On<string, never>) => [on.any(() => {})],
};

test.each<[string, object, string]>([
  ['without subscriptions', { subscribes: undefined }, 'subscribes'],
  ['with text for a list of subscriptions', { subscribes: 'abc' }, 'subscribes'],
  ['with text for a list of publications', { publishes: 'abc' }, 'publishes'],
  ['without handlers', { handlers: undefined }, 'handlers'],
  ['with handlers that are no list', { handlers: () => undefined }, 'handlers'],
  ['with a handler that is none', { handlers: () => [undefined] }, 'handlers[0]'],
  ['with state that is no format', { state: { count: 0 } }, 'state'],
  ['with a retry policy that is none', { retry: 5 }, 'retry'],
])('an agent of the wrong shape is refused like any other: %s', (_, options, field) => {
  const define = () => defineAgent({ ...minimal, ...options } as never);

  expect(define).toThrow(InvalidDefinitionError);
  expect(define).toThrow(
    expect.objectContaining({ faults: [{ field, problem: expect.stringMatching(/^(got|gave) .+: /) }] }),
  );
});

test.each([[undefined], [null], ['worker'], [[]]])('what is no definition at all is refused: %j', (options) => {
  expect(() => defineAgent(options as never)).toThrow(InvalidDefinitionError);
});

test('an agent of the right shape is none of these', () => {
  expect(defineAgent({ ...minimal, state: genericJson, retry: {}, publishes: [] } as never).name).toBe('worker');
});
