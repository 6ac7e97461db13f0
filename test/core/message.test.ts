import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deliveryKey } from '../../lib/core/delivery-key.ts';
import { InvalidArgumentError } from '../../lib/core/errors.ts';
import type { GemstoneId } from '../../lib/core/gemstone-id.ts';
import {
  childThread,
  effectiveKey,
  type Message,
  parseReference,
  referenceProblem,
  rootIdOf,
  toReference,
} from '../../lib/core/message.ts';
import { gemstoneIds, messageWith, references, topics } from './arbitraries.ts';

const ID = '01HF7YAT000000000000000004';
const idOf = (generation: number) => `01HF7YAT00000000000000${String(generation).padStart(3, '0')}4` as GemstoneId;

/** The message of each generation, each the only child of the one before. */
function lineage(generations: number): Message[] {
  const line = [messageWith({ id: idOf(0) })];
  for (let generation = 1; generation < generations; generation++) {
    const parent = line.at(-1) ?? messageWith();
    line.push(messageWith({ id: idOf(generation), topic: `step.${generation}`, thread: childThread(parent) }));
  }
  return line;
}

describe('a reference', () => {
  test('leads back to the topic and id that it was made of', () => {
    fc.assert(
      fc.property(topics, gemstoneIds, (topic, id) => {
        expect(parseReference(toReference({ topic, id }))).toEqual({ topic, id });
      }),
    );
  });

  test.each([
    ['', 'a reference is topic/id'],
    ['doc.tasks', 'a reference is topic/id'],
    [ID, 'a reference is topic/id'],
    [`/${ID}`, 'segment "" is not one or more of'],
    ['doc.tasks/', '26 characters'],
    [`doc..tasks/${ID}`, 'segment "" is not one or more of'],
    [`doc.*/${ID}`, 'segment "*" is not one or more of'],
    [`other:doc/${ID}`, 'no topic reaches into another namespace'],
    [`other/doc/${ID}`, '26 characters'],
    [`doc/${ID}/more`, '26 characters'],
    [`doc/${ID.toLowerCase()}`, 'upper case'],
  ])('is not %j: %s', (text, reason) => {
    const parse = () => parseReference(text);

    expect(parse).toThrow(InvalidArgumentError);
    expect(parse).toThrow(reason);
    expect(referenceProblem(text)).toMatch(/^got "/);
  });

  test.each([[undefined], [null], [7], [['a/b']], [{ topic: 'a', id: ID }]])('is text, not %j', (value) => {
    expect(referenceProblem(value)).toMatch(/^got .+: a reference is topic\/id$/);
  });
});

describe('a thread', () => {
  test('is empty for a root, whose own id it has', () => {
    const [root] = lineage(1);

    expect(root?.thread).toEqual([]);
    expect(root && rootIdOf(root)).toBe(idOf(0));
  });

  test('holds every ancestor, root first, up to eight', () => {
    const line = lineage(9);

    for (const [generation, message] of line.entries()) {
      expect(message.thread).toEqual(line.slice(0, generation).map(toReference));
    }
  });

  test('holds the root and the nearest seven of more', () => {
    const line = lineage(40);
    const [root] = line.map(toReference);

    for (const [generation, message] of line.slice(9).entries()) {
      const nearest = line.slice(generation + 2, generation + 9).map(toReference);

      expect(message.thread).toEqual([root, ...nearest]);
      expect(rootIdOf(message)).toBe(idOf(0));
    }
  });

  test('of a child leaves that of its parent as it was', () => {
    fc.assert(
      fc.property(fc.array(references, { maxLength: 8 }), gemstoneIds, (thread, id) => {
        const parent = messageWith({ id, thread: Object.freeze([...thread]) });

        const child = childThread(parent);

        expect(child.length).toBe(Math.min(thread.length + 1, 8));
        expect(child.at(-1)).toBe(toReference(parent));
        expect(child[0]).toBe(thread[0] ?? toReference(parent));
        expect(parent.thread).toEqual(thread);
      }),
    );
  });
});

test('the key that orders a message is its own, else its conversation, else the id of its root', () => {
  const [root = messageWith(), child = messageWith()] = lineage(2);

  expect(effectiveKey({ ...child, key: 'k', conversationId: 'c' })).toBe('k');
  expect(effectiveKey({ ...child, conversationId: 'c' })).toBe('c');
  expect(effectiveKey(child)).toBe(root.id);
  expect(effectiveKey(root)).toBe(root.id);
});

test('no two deliveries have the same key', () => {
  const parts = fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom('a', 'b'), topics, gemstoneIds, fc.nat(3));
  fc.assert(
    fc.property(parts, parts, (one, other) => {
      const keyOf = ([namespace, agent, topic, id, epoch]: typeof one) =>
        deliveryKey(namespace, agent, { topic, id }, epoch);

      expect(keyOf(one) === keyOf(other)).toBe(one.every((part, index) => part === other[index]));
    }),
  );
  expect(deliveryKey('n', 'agent', { topic: 'doc.a', id: idOf(1) }, 2)).toBe(`n/agent/doc.a/${idOf(1)}/2`);
});
