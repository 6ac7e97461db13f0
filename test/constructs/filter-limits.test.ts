import { Annotations, Match } from 'aws-cdk-lib/assertions';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { routesOf } from '../../lib/constructs/agent-routes.ts';
import type { Condition } from '../../lib/constructs/filter-branch.ts';
import type { FilterPolicy } from '../../lib/constructs/filter-policy.ts';
import { Guild } from '../../lib/constructs/guild.ts';
import { messageAttributes, SYSTEM_FAMILY } from '../../lib/environment/aws-names.ts';
import type { Agent } from '../../lib/guild/define-agent.ts';
import { defineGuild } from '../../lib/guild/define-guild.ts';
import writer from './fixtures/agents/writer.ts';
import { type Attributes, attributesOf, lets } from './policy-oracle.ts';
import { emptyStack } from './stack-of.ts';

const seed = Number.parseInt(process.env.GUILDWIRE_TEST_SEED ?? '', 10) || Date.now() % 1_000_000_000;

const valuesOf = (condition: Condition) =>
  typeof condition === 'object' && 'anything-but' in condition ? condition['anything-but'].length : 1;

/** The combinations of values that a policy asks for, written out one by one. */
function writtenOut({ $or = [{}], ...shared }: FilterPolicy): number {
  return $or
    .map((branch) =>
      Object.values({ ...shared, ...branch }).reduce(
        (product, conditions) => product * conditions.reduce((sum, condition) => sum + valuesOf(condition), 0),
        1,
      ),
    )
    .reduce((sum, product) => sum + product, 0);
}

const namesOf = ({ $or = [], ...shared }: FilterPolicy) =>
  new Set([shared, ...$or].flatMap((each) => Object.keys(each)));

const segment = fc.stringMatching(/^[a-z]{1,3}$/);
const pattern = fc
  .tuple(fc.array(fc.oneof(segment, fc.constant('*')), { maxLength: 6 }), fc.oneof(segment, fc.constantFrom('*', '**')))
  .map(([segments, last]) => [...segments, last].join('.'));
const literal = fc.array(segment, { minLength: 2, maxLength: 4 }).map((segments) => segments.join('.'));
const crowded = fc.record({
  subscribes: fc.oneof(
    fc.array(pattern, { minLength: 1, maxLength: 60 }),
    fc.array(literal, { minLength: 100, maxLength: 200, size: 'max' }),
    fc
      .tuple(pattern, fc.array(literal, { minLength: 20, maxLength: 80, size: 'max' }))
      .map(([one, all]) => [one, ...all]),
  ),
  publishes: fc.array(pattern, { maxLength: 3 }),
  onlyWhenTagged: fc.boolean(),
  lanes: fc.boolean(),
});

describe(`an agent that follows very much (seed ${seed})`, () => {
  test('still has filters of at most 5 of the nine attributes and 150 combinations', () => {
    let most = 0;
    fc.assert(
      fc.property(crowded, ({ lanes, ...changes }) => {
        const agent: Agent = { ...writer, ...changes };
        for (const { filters } of routesOf(agent, ['a.**', '**', SYSTEM_FAMILY], lanes)) {
          for (const { policy = {} } of filters.map(({ filter }) => filter)) {
            most = Math.max(most, writtenOut(policy));
            expect(writtenOut(policy)).toBeLessThanOrEqual(150);
            expect(namesOf(policy).size).toBeLessThanOrEqual(5);
            expect([...namesOf(policy)].filter((name) => !messageAttributes.includes(name as never))).toEqual([]);
          }
        }
      }),
      { seed, numRuns: 120, endOnFailure: true },
    );

    // It came near the limit, or this would show nothing.
    expect(most).toBeGreaterThan(100);
    expect(messageAttributes).toHaveLength(9);
  });

  test('gets all that it follows by them, and one queue of its lanes gets it', () => {
    const sample = fc.record({
      agent: crowded,
      index: fc.nat(),
      fill: fc.array(segment, { minLength: 7, maxLength: 7 }),
    });
    fc.assert(
      fc.property(sample, ({ agent: { lanes, ...changes }, index, fill }) => {
        const agent: Agent = { ...writer, ...changes, onlyWhenTagged: false };
        const wanted = changes.subscribes[index % changes.subscribes.length] ?? 'a';
        const topic = wanted
          .replace('**', `${fill[0]}.${fill[1]}`)
          .split('.')
          .map((each, at) => (each === '*' ? fill[at] : each))
          .join('.');
        fc.pre(topic.split('.').length <= 8);
        const attributes: Attributes = attributesOf({ topic, priority: index % 10, sender: 'x', recipients: [] });
        const home = topic.startsWith('a.') ? 'a.**' : '**';
        const route = routesOf(agent, ['a.**', '**', SYSTEM_FAMILY], lanes).find((each) => each.pattern === home);

        expect(route?.filters.filter(({ filter }) => lets(filter.policy, attributes))).toHaveLength(1);
      }),
      { seed, numRuns: 120, endOnFailure: true },
    );
  });
});

test('a filter that leaves something to the guard says so at synthesis in a line or two, and any other says nothing', () => {
  const stack = emptyStack();
  const hidden = Array.from({ length: 40 }, (_, index) => `a.*.c${index}.*.e`);
  const plain: Agent = { ...writer, name: 'plain', subscribes: ['draft.*', 'page.**', 'a.b.c'] };
  const agents: readonly Agent[] = [{ ...writer, name: 'greedy', subscribes: hidden }, plain];
  new Guild(stack, 'Guild', { guild: defineGuild({ name: 'g', agents, topics: { '**': {} } }) });
  const warnings = Annotations.fromStack(stack).findWarning('*', Match.anyValue());
  const said = warnings.map(({ id, entry }) => [id, String(entry.data)] as const);

  expect(said.map(([id]) => id)).toEqual(['/Alone/Guild/Agents/greedy']);
  expect(said[0]?.[1]).toMatch(
    /cannot say parts of a\.\*\.c0\.\*\.e, a\.\*\.c1\.\*\.e, a\.\*\.c2\.\*\.e and 37 more: such messages are delivered/,
  );
  expect(said[0]?.[1].length).toBeLessThan(300);
});
