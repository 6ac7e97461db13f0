import { expect, test } from 'vitest';
import { DEAD_LETTER_FORMAT, deadLetterOf, deadLetterTopic } from '../../lib/core/dead-letter.ts';
import { formatNameProblem } from '../../lib/core/format.ts';

test.each(['doc.a', '$inbox.grammar', '$self.grammar', '$topics', '$reply.x', 'dead.a'])(
  "what fails on %s is a dead letter of its agent's, delivered to whoever watches",
  (topic) => {
    expect(deadLetterTopic('grammar', topic)).toEqual({ topic: '$dead.grammar', delivered: true });
  },
);

test('a dead letter whose own consumer fails goes to $errors', () => {
  expect(deadLetterTopic('watcher', '$dead.grammar')).toEqual({ topic: '$errors', delivered: true });
  expect(deadLetterTopic('watcher', '$dead.watcher')).toEqual({ topic: '$errors', delivered: true });
});

test('failures never feed on each other: two watchers of everything end after three letters', () => {
  const seen: string[] = [];
  let failedOn = 'doc.a';
  for (let delivered = true; delivered && seen.length < 10; ) {
    const next = deadLetterTopic('watcher', failedOn);
    seen.push(next.topic);
    failedOn = next.topic;
    delivered = next.delivered;
  }

  expect(seen).toEqual(['$dead.watcher', '$errors', '$dead.watcher']);
});

test('dead letters have a format of their own', () => {
  expect(formatNameProblem(DEAD_LETTER_FORMAT)).toBeUndefined();
});

test('what a dead letter holds can be looked at with its type, and another message has none', () => {
  const letter = { agent: 'grammar', reason: 'failed' };

  expect(deadLetterOf({ format: DEAD_LETTER_FORMAT, payload: letter } as never).agent).toBe('grammar');
  expect(() => deadLetterOf({ format: 'doc.task', payload: letter } as never)).toThrow('doc.task');
});
