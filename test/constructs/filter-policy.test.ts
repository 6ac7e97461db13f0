import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { routesOf } from '../../lib/constructs/agent-routes.ts';
import { combinationsOf, filterFor, fits, keysOf } from '../../lib/constructs/filter-policy.ts';
import { manifestOf } from '../../lib/constructs/manifest-of.ts';
import { admissionOf, follows } from '../../lib/core/admission.ts';
import { genericJson } from '../../lib/core/format.ts';
import type { Message } from '../../lib/core/message.ts';
import { patternProblem } from '../../lib/core/topic.ts';
import { TopicFamilies } from '../../lib/core/topic-family.ts';
import { SYSTEM_FAMILY } from '../../lib/environment/aws-names.ts';
import type { Agent } from '../../lib/guild/define-agent.ts';
import { attributesOf, lets } from './policy-oracle.ts';

const seed = Number.parseInt(process.env.GUILDWIRE_TEST_SEED ?? '', 10) || Date.now() % 1_000_000_000;
const runs = { seed, numRuns: 3_000 };

const policyOf = (patterns: readonly string[], family: string, more: object = {}) =>
  filterFor({ agent: 'me', patterns, publishes: [], onlyWhenTagged: false, ...more }, family);

describe('what a policy says', () => {
  test.each([
    [['a.b'], 'a.*', { topic: ['a.b'] }],
    [['a.b', 'a.c'], 'a.*', { topic: ['a.b', 'a.c'] }],
    [['a.*'], 'a.*', undefined],
    [['a.**'], '**', { topic: [{ prefix: 'a.' }] }],
    [['a.*'], '**', { topic: [{ prefix: 'a.' }], depth: ['2'] }],
    [['a.*'], 'a.**', { depth: ['2'] }],
    [['*.failed'], '**', { topic: [{ suffix: '.failed' }], depth: ['2'] }],
    [['a.*.c'], 'a.**', { s2: ['c'], depth: ['3'] }],
    [['a.*.c'], '**', { topic: [{ prefix: 'a.' }], s2: ['c'], depth: ['3'] }],
    [['a.*', 'b.*'], '**', { topic: [{ prefix: 'a.' }, { prefix: 'b.' }], depth: ['2'] }],
    [['a.b', 'c.*'], '**', { $or: [{ topic: ['a.b'] }, { topic: [{ prefix: 'c.' }], depth: ['2'] }] }],
    [['*.*.**'], '**', { depth: ['3', '4', '5', '6', '7', '8'] }],
    [['$inbox.me', '$self.me', '$dead.*'], SYSTEM_FAMILY, { topic: ['$inbox.me', '$self.me', { prefix: '$dead.' }] }],
  ])('of %j on %s', (patterns, family, policy) => {
    const filter = policyOf(patterns, family);

    expect(filter).toEqual({ policy, leftOut: [] });
  });

  test('no filter where nothing is followed', () => {
    expect(policyOf(['a.*'], 'b.*')).toBeUndefined();
    expect(policyOf(['**'], SYSTEM_FAMILY)).toBeUndefined();
  });

  test('a lane, whom it names, and no echo, each as a key that all branches share', () => {
    const filter = policyOf(['a.b', 'c.*'], '**', { lane: 'urgent', onlyWhenTagged: true, publishes: ['c.x'] });

    expect(filter?.policy).toEqual({
      priority: ['0', '1', '2', '3'],
      sender: [{ 'anything-but': ['me'] }],
      recipient: ['me', '*'],
      $or: [{ topic: ['a.b'] }, { topic: [{ prefix: 'c.' }], depth: ['2'] }],
    });
    expect(keysOf(filter?.policy ?? {}).size).toBe(5);
  });

  test('what it gets without being named stands beside the rest', () => {
    const filter = policyOf(['$inbox.me', '$self.me', '$dead.*'], SYSTEM_FAMILY, { onlyWhenTagged: true });

    expect(filter?.policy).toEqual({
      $or: [{ topic: ['$inbox.me', '$self.me'] }, { topic: [{ prefix: '$dead.' }], recipient: ['me', '*'] }],
    });
  });

  test('what does not fit is left to the guard, and said', () => {
    const literals = Array.from({ length: 151 }, (_, index) => `a.b.t${index}`);

    expect(policyOf(['a.*.*.*.e'], 'a.**')?.leftOut).toEqual(['parts of a.*.*.*.e']);
    expect(policyOf(['*.b.*.d.*'], '**', { onlyWhenTagged: true, lane: 'normal', publishes: ['**'] })).toMatchObject({
      leftOut: ['messages that do not name it'],
    });
    expect(policyOf(literals, '**')).toEqual({
      policy: { topic: [{ prefix: 'a.b.' }] },
      leftOut: ['all but how a topic begins (a.b.)'],
    });
  });

  test('an agent that is called as nothing is does not lose what nobody can name', () => {
    const filter = filterFor({ agent: '-', patterns: ['a.*'], publishes: ['**'], onlyWhenTagged: false }, 'a.*');

    expect(filter?.policy).toBeUndefined();
  });

  test('combinations are multiplied, and nested ones count double', () => {
    expect(combinationsOf({ topic: ['a', 'b', 'c'], depth: ['1'], s0: ['x', 'y'] })).toBe(6);
    expect(combinationsOf({ priority: [{ 'anything-but': ['0', '1', '2', '3'] }], topic: ['a', 'b'] })).toBe(8);
    expect(combinationsOf({ $or: [{ topic: ['a'] }, { topic: ['b'], depth: ['2'] }] })).toBe(8);
    expect(fits({ topic: Array.from({ length: 151 }, (_, index) => `${index}`) })).toBe(false);
  });
});

const segment = fc.constantFrom('a', 'b', 'c');
const topic = fc.array(segment, { minLength: 1, maxLength: 6 }).map((segments) => segments.join('.'));
const wild = fc
  .tuple(
    fc.array(fc.oneof(segment, segment, fc.constant('*')), { minLength: 0, maxLength: 5 }),
    fc.constantFrom('a', 'b', '*', '**'),
  )
  .map(([segments, last]) => [...segments, last].join('.'));
const reserved = fc.constantFrom('$dead.*', '$dead.x', '$inbox.*', '$inbox.x', '$errors', '$topics');
const reservedTopic = fc.constantFrom('$dead.x', '$dead.me', '$inbox.me', '$inbox.x', '$self.me', '$self.x', '$errors');
const sender = fc.constantFrom('me', 'x', 'user:ada', '-');
const recipients = fc.array(fc.constantFrom('me', 'x', 'y'), { maxLength: 2 });
const message = fc.record({
  topic: fc.oneof({ weight: 4, arbitrary: topic }, reservedTopic),
  priority: fc.nat({ max: 9 }),
  sender,
  recipients,
});
const agent = fc.record({
  name: fc.constantFrom('me', '-'),
  subscribes: fc.array(fc.oneof({ weight: 4, arbitrary: wild }, reserved), { maxLength: 5 }),
  publishes: fc.array(wild, { maxLength: 2 }),
  onlyWhenTagged: fc.boolean(),
});
const guild = fc.record({
  declared: fc.uniqueArray(wild, { maxLength: 4 }),
  inferred: fc.uniqueArray(wild, { maxLength: 4 }),
  allowUndeclared: fc.boolean(),
});

const family = (pattern: string) => ({ pattern, formats: [], retentionDays: 30 });

const isAdmitted = (
  interest: { agent: string; patterns: readonly string[]; onlyWhenTagged: boolean },
  sent: object,
) => {
  const { topic, sender: id, recipients } = sent as { topic: string; sender: string; recipients: readonly string[] };
  const message = { topic, sender: { id }, recipients } as unknown as Message;
  return follows(interest, topic) && admissionOf(interest, message) === 'admitted';
};

describe(`policies and the matcher (seed ${seed})`, () => {
  test('the policies let through what the matcher names, once, and with the guard nothing else', () => {
    fc.assert(
      fc.property(guild, agent, message, fc.boolean(), ({ declared, inferred, allowUndeclared }, me, sent, lanes) => {
        fc.pre(
          [...declared, ...inferred, ...me.subscribes, ...me.publishes].every((p) => patternProblem(p) === undefined),
        );
        const families = new TopicFamilies(declared.map(family), allowUndeclared, inferred.map(family));
        const home = families.of(sent.topic)?.pattern;
        fc.pre(home !== undefined);
        const patterns = [...new Set([...me.subscribes, `$inbox.${me.name}`, `$self.${me.name}`])];
        const all = [...families.patterns, ...(families.patterns.includes('**') ? [] : ['**']), SYSTEM_FAMILY];
        const routes = routesOf(me as unknown as Agent, all, lanes);
        const filters = routes.find(({ pattern }) => pattern === home)?.filters ?? [];
        const passed = filters.filter(({ filter }) => lets(filter.policy, attributesOf(sent)));
        const admitted = isAdmitted({ agent: me.name, patterns, onlyWhenTagged: me.onlyWhenTagged }, sent);

        for (const { filters } of routes)
          for (const { filter } of filters) expect(fits(filter.policy ?? {})).toBe(true);
        if (admitted) expect(passed).toHaveLength(1);
        // Several recipients are one word of the policy; and where an agent cannot publish, SNS is not asked to keep its own
        // messages from it. Nobody but the agent writes to its `$self`.
        const isSayable = sent.recipients.length < 2 && me.name !== '-';
        const isForeign = sent.sender !== me.name && !sent.topic.startsWith('$self.');
        const isExact = filters.every(({ filter }) => filter.leftOut.length === 0) && isSayable && isForeign;
        if (isExact && !admitted) expect(passed).toHaveLength(0);
      }),
      runs,
    );
  });

  test('a manifest says what takes a topic as the guild does', () => {
    fc.assert(
      fc.property(guild, message, ({ declared, inferred, allowUndeclared }, { topic: name }) => {
        fc.pre([...declared, ...inferred].every((p) => patternProblem(p) === undefined));
        const settings = (pattern: string, index: number) => ({
          ...family(pattern),
          formats: [{ ...genericJson, name: `format-${index}` }],
          retentionDays: index + 1,
        });
        const families = new TopicFamilies(declared.map(settings), allowUndeclared, inferred.map(family));
        const manifest = manifestOf({ kind: 'guildwire.guild', name: 'g', agents: {}, families, maxHops: 1, use: [] });
        const again = new TopicFamilies(
          manifest.declared.map((one) => ({
            ...one,
            formats: one.formats.map((format) => ({ ...genericJson, name: format })),
          })),
          manifest.allowUndeclared,
          manifest.inferred.map((one) => ({ ...one, formats: [] })),
        );
        const [mine, its] = [families.of(name), again.of(name)];

        expect(its?.pattern).toBe(mine?.pattern);
        expect(its?.retentionDays).toBe(mine?.retentionDays);
        expect(again.patterns).toEqual(families.patterns);
      }),
      runs,
    );
  });
});
