import { describe, expect, test } from 'vitest';
import type { Io } from '../../lib/cli/io.ts';
import { type AgentNode, toGraphText, toMermaid } from '../../lib/cli/views/graph-view.ts';
import { durationText, payloadText, toChatLine, toJsonLine, toTree } from '../../lib/cli/views/message-view.ts';
import { toTable } from '../../lib/cli/views/table.ts';
import { firstIdOf, type GemstoneId } from '../../lib/core/gemstone-id.ts';
import type { Message, Reference } from '../../lib/core/message.ts';

const io = { paint: (_, text) => text } as Io;
const STARTED = Date.UTC(2026, 10, 21, 10, 0, 0);

function message(topic: string, afterMs: number, parent?: Message, payload: Message['payload'] = topic): Message {
  const thread = parent === undefined ? [] : [...parent.thread, `${parent.topic}/${parent.id}` as Reference];
  const id = firstIdOf(STARTED + afterMs) as GemstoneId;
  return {
    id,
    topic,
    topics: [topic],
    sender: { id: `from-${topic}` },
    format: 'f',
    payload,
    thread,
  } as Partial<Message> as Message;
}

describe('messages', () => {
  test('a line has time, sender, topic, format and payload, shortened if it is long', () => {
    const long = message('a', 0, undefined, 'x'.repeat(500));

    const line = toChatLine(long, io);

    expect(line).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}from-a → a {2}f "x+…$/);
    expect(payloadText(long, 10)).toBe('"xxxxxxxx…');
    expect(JSON.parse(toJsonLine(long))).toMatchObject({ topic: 'a', payload: long.payload, timestamp: STARTED });
  });

  test('nothing of a message reaches the terminal as a command, and nothing breaks its line', () => {
    const hostile = { ...message('a', 0, undefined, '\u009b2J'), sender: { id: 'a', name: 'x\u001b[31m\ny' } };
    const posing = { ...message('a', 0, undefined, 3), format: 'guildwire.dead-letter' };

    expect(toChatLine(hostile, io)).toMatch(/ {2}x \[31m y → a {2}f " 2J"$/);
    expect(toChatLine(posing, io)).toMatch(/guildwire\.dead-letter 3$/);
  });

  test('with ids a line has a reference, which other commands take', () => {
    const root = message('a', 0);

    expect(toChatLine(root, io, true)).toContain(`from-a → a/${root.id}  f`);
    expect(toTree([root], io, true)).toEqual([`from-a → a/${root.id}  "a"  +0 ms`]);
  });

  test('a tree puts each below the one that it descends from, and what has none at the top', () => {
    const root = message('root', 0);
    const left = message('left', 40, root);
    const leaf = message('leaf', 1_500, left);
    const right = message('right', 130_000, root);
    const stray = message('stray', 7_300_000, message('gone', 1, undefined));

    expect(toTree([root, left, right, leaf, stray], io)).toEqual([
      'from-root → root  "root"  +0 ms',
      '├─ from-left → left  "left"  +40 ms',
      '│  └─ from-leaf → leaf  "leaf"  +1.5 s',
      '└─ from-right → right  "right"  +2 min',
      'from-stray → stray  "stray"  +2 h',
    ]);
  });

  test('a length of time is in the unit that fits', () => {
    expect([0, 999, 1_000, 119_999, 120_000, 7_200_000, 172_800_000].map(durationText)).toEqual([
      ...['0 ms', '999 ms', '1.0 s', '120.0 s', '2 min', '2 h', '2 d'],
    ]);
  });
});

describe('agents', () => {
  const node = (name: string, subscribes: readonly string[], publishes: readonly string[], more = {}): AgentNode => ({
    ...{ name, subscribes, publishes, formats: [] },
    ...more,
  });
  const agents = [
    node('one', ['tasks'], ['parts.*', 'nowhere'], { waiting: 2, dead: 1, paused: true }),
    node('two', ['parts.text'], ['**']),
  ];

  test('as text, with who gets what', () => {
    expect(toGraphText(agents, io)).toEqual([
      'one  (2 waiting, 1 dead, paused)',
      '  ← tasks',
      '  → parts.*  to two',
      '  → nowhere  to nobody here',
      'two',
      '  ← parts.text',
      '  → **  to one, two',
    ]);
  });

  test('as a chart, in which a topic leads to the patterns that name it', () => {
    const readers = [node('sender', [], ['parts.text']), node('reader', ['parts.*'], [])];

    expect(toMermaid(readers)).toEqual([
      'flowchart LR',
      ...['  a0["sender"]', '  a1["reader"]', '  t0(["parts.text"])', '  t1(["parts.*"])'],
      ...['  a0 --> t0', '  t1 --> a1', '  t0 -.-> t1'],
    ]);
  });
});

test('columns line up, colours or not', () => {
  expect(toTable([['a', 'bb', 'c'], ['\u001b[31maaa\u001b[39m', 'b', ''], []])).toEqual([
    'a    bb  c',
    '\u001b[31maaa\u001b[39m  b',
    '',
  ]);
});
