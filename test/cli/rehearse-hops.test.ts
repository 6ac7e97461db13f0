import { expect, test } from 'vitest';
import { Hops } from '../../lib/cli/rehearse/hops.ts';

test.for(['null', '1', '"text"', '[]', '{}', '{"Records":null}', '{"Records":5}', '{"Records":[null]}'])(
  'an invocation with %s is no hop of a message',
  (event) => {
    const hops = new Hops(() => 'agent');

    hops.ended({
      functionName: 'Shop-Agent',
      requestId: 'one',
      event,
      payload: 'null',
      functionError: undefined,
      startedAt: 1,
      durationMs: 1,
      initMs: undefined,
    });

    expect([hops.messages, hops.deliveries]).toEqual([[], []]);
  },
);
