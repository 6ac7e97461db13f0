import { describe, expect, test } from 'vitest';
import { admissionOf, follows, type Interest } from '../../lib/core/admission.ts';
import { messageWith } from './arbitraries.ts';

const grammar: Interest = { agent: 'grammar', patterns: ['doc.*'], onlyWhenTagged: false };
const everything: Interest = { ...grammar, patterns: ['**'] };
const onlyTagged: Interest = { ...grammar, onlyWhenTagged: true };
const fromWriter = { sender: { id: 'writer' } };

describe('an agent follows', () => {
  test('the topics that one of its patterns names', () => {
    const interest = { ...grammar, patterns: ['doc.*', 'mail.in', '$dead.*'] };

    const followed = ['doc.a', 'doc.a.b', 'mail.in', 'mail.out', '$dead.other'].filter((it) => follows(interest, it));

    expect(followed).toEqual(['doc.a', 'mail.in', '$dead.other']);
  });

  test('nothing without patterns', () => {
    expect(follows({ ...grammar, patterns: [] }, 'doc.a')).toBe(false);
  });

  test('its own $self topic without a pattern, and nobody else its own', () => {
    const greedy = { ...grammar, patterns: ['**', '$self.*', '$self.other'] };

    expect(['$self.grammar', '$self.other', '$self.grammar2'].map((topic) => follows(greedy, topic))).toEqual([
      true,
      false,
      false,
    ]);
    expect(follows({ ...greedy, patterns: [] }, '$self.grammar')).toBe(true);
  });

  test('no reserved topic by a wildcard in front', () => {
    const reserved = ['$dead.grammar', '$errors', '$topics', '$inbox.other', '$reply.x'];

    expect(reserved.filter((topic) => follows(everything, topic))).toEqual([]);
  });
});

describe('a message is', () => {
  test('admitted from anybody else', () => {
    const senders = ['writer', 'user:grammar', 'platform:dead-letters', 'Grammar'];

    const admissions = senders.map((id) => admissionOf(grammar, messageWith({ sender: { id } })));

    expect(admissions).toEqual(senders.map(() => 'admitted'));
  });

  test('refused as its own to its sender, tagged or not, in its inbox as well', () => {
    const own = { sender: { id: 'grammar' }, recipients: ['grammar'] };

    for (const topic of ['doc.a', '$inbox.grammar', '$dead.grammar', '$self.other']) {
      expect(admissionOf(everything, messageWith({ ...own, topic }))).toBe('own');
      expect(admissionOf(onlyTagged, messageWith({ ...own, topic }))).toBe('own');
    }
  });

  test('admitted to its sender on its $self topic, also if it wants tagged messages only', () => {
    const timer = messageWith({ topic: '$self.grammar', sender: { id: 'grammar' } });

    expect([grammar, onlyTagged].map((interest) => admissionOf(interest, timer))).toEqual(['admitted', 'admitted']);
  });

  test('refused as not tagged to an agent that wants to be named, and is not', () => {
    const untagged = messageWith(fromWriter);
    const othersTagged = messageWith({ ...fromWriter, recipients: ['other', 'grammar2', 'Grammar'] });
    const tagged = messageWith({ ...fromWriter, recipients: ['other', 'grammar'] });

    expect([untagged, othersTagged, tagged].map((message) => admissionOf(onlyTagged, message))).toEqual([
      'not-tagged',
      'not-tagged',
      'admitted',
    ]);
  });

  test('admitted from the inbox of an agent that wants to be named: the inbox names it', () => {
    const admissions = ['$inbox.grammar', '$inbox.other'].map((topic) =>
      admissionOf(onlyTagged, messageWith({ ...fromWriter, topic })),
    );

    expect(admissions).toEqual(['admitted', 'not-tagged']);
  });

  test('admitted untagged to an agent that does not ask for it, whoever is named', () => {
    expect(admissionOf(grammar, messageWith({ ...fromWriter, recipients: ['other'] }))).toBe('admitted');
  });
});
