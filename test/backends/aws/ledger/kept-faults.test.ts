import { expect, test } from 'vitest';
import { keptFault } from '../../../../lib/backends/aws/ledger/delivery-rows.ts';
import { type Fault, faultOf } from '../../../../lib/core/fault.ts';

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html: of an item. */
const MAX_ITEM_BYTES = 400 * 1024;
const ATTEMPTS = 100;

test.for(['x', 'ü', '漢', '😀', '\u0000'])(
  'the faults of 100 attempts fit into their row, whatever they say: %j',
  (text) => {
    const error = Object.assign(new Error(text.repeat(4_096)), { stack: text.repeat(4_096), code: 'X'.repeat(128) });

    const kept: Fault[] = [];
    while (kept.length < ATTEMPTS) kept.push(keptFault(faultOf(error), kept));

    const bytes = kept.map((fault) => Buffer.byteLength(JSON.stringify(fault)));
    expect(bytes.reduce((sum, each) => sum + each, 0)).toBeLessThan(MAX_ITEM_BYTES);
    expect(kept[0]).toEqual(faultOf(error));
    expect(kept.at(-1)?.message.length).toBeGreaterThan(0);
  },
);
