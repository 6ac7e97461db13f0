import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventParser } from '../../lib/http/client/event-parser.ts';

const parsed = (...pieces: readonly string[]) => {
  const parser = new EventParser();
  return pieces.flatMap((piece) => parser.push(piece));
};

describe('events', () => {
  test.each([
    ['data: a\n\n', [{ type: 'message', data: 'a', id: undefined }]],
    ['data:a\n\n', [{ type: 'message', data: 'a', id: undefined }]],
    ['data:  a\n\n', [{ type: 'message', data: ' a', id: undefined }]],
    ['data: a\ndata: b\n\n', [{ type: 'message', data: 'a\nb', id: undefined }]],
    ['data\n\n', [{ type: 'message', data: '', id: undefined }]],
    ['event: problem\ndata: {}\n\n', [{ type: 'problem', data: '{}', id: undefined }]],
    [
      'id: 1\ndata: a\n\ndata: b\n\n',
      [
        { type: 'message', data: 'a', id: '1' },
        { type: 'message', data: 'b', id: '1' },
      ],
    ],
    ['id: 1\n\n', [{ type: 'message', data: '', id: '1' }]],
    ['id: a\0b\ndata: x\n\n', [{ type: 'message', data: 'x', id: undefined }]],
    [': comment\n\n', []],
    ['retry: 5\nother: x\n\n', []],
    ['event: x\n\ndata: a\n\n', [{ type: 'message', data: 'a', id: undefined }]],
    ['data: a\r\n\r\n', [{ type: 'message', data: 'a', id: undefined }]],
    [
      'data: a\r\rdata: b\r\r ',
      [
        { type: 'message', data: 'a', id: undefined },
        { type: 'message', data: 'b', id: undefined },
      ],
    ],
    ['data: not complete\n', []],
  ])('%j', (text, events) => {
    expect(parsed(text)).toEqual(events);
  });

  test('are the same however their text is cut', () => {
    const text =
      'retry: 1\nid: 0\n\n:\n\nid: 1\ndata: {"a":"ü"}\n\r\ndata: x\rdata: y\r\n\r\nevent: problem\ndata: z\n\n';

    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 20 }), (cuts) => {
        const at = [0, ...cuts.toSorted((one, other) => one - other), text.length];
        const pieces = at.slice(1).map((end, index) => text.slice(at[index], end));
        expect(parsed(...pieces)).toEqual(parsed(text));
      }),
      { seed: 3, numRuns: 500 },
    );
  });
});
