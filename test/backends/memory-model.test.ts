import fc from 'fast-check';
import { type Lease, type Priority, priorityOf } from 'guildwire';
import { expect, test } from 'vitest';
import { fault, MemoryLab } from './memory-lab.ts';

const LEASE_MS = 1_000;

type Step =
  | { readonly do: 'publish'; readonly priority: Priority; readonly delayMs: number }
  | { readonly do: 'lease'; readonly max: number }
  | { readonly do: 'complete' | 'drop' | 'release' | 'die' | 'extend'; readonly which: number }
  | { readonly do: 'retry'; readonly which: number; readonly delayMs: number }
  | { readonly do: 'pass'; readonly ms: number };

const delayMs = fc.constantFrom(0, 0, 1, 500, 3_000);
const which = fc.nat(20);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('publish' as const),
    priority: fc.integer({ min: 0, max: 9 }) as fc.Arbitrary<Priority>,
    delayMs,
  }),
  fc.record({ do: fc.constant('lease' as const), max: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ do: fc.constantFrom('complete', 'drop', 'release', 'die', 'extend'), which }),
  fc.record({ do: fc.constant('retry' as const), which, delayMs }),
  fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 400, 1_100) }),
);

/** What a consumer knows of one delivery in its hands. */
interface Held {
  readonly lease: Lease;
  until: number;
}

test('whatever consumers do, and however they die, each message ends once and is in one pair of hands at a time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const lab = new MemoryLab({ maxWaiting: 1_000 });
      await lab.subscribe('worker', { patterns: ['a'] });
      let held: Held[] = [];
      const failed = new Map<string, number>();
      const ended: string[] = [];
      let published = 0;

      const take = async (max: number) => {
        const leases = await lab.lease('worker', { max, leaseMs: LEASE_MS });
        const now = lab.clock.now();
        for (const lease of leases) {
          const id = String(lease.key?.id);
          expect(ended).not.toContain(id);
          expect(held.filter(({ lease: other, until }) => other.key?.id === id && until > now)).toEqual([]);
          expect(lease.attemptsBefore).toBe(failed.get(id) ?? 0);
          held.push({ lease, until: now + LEASE_MS });
        }
        const priorities = leases.map(({ message }) => priorityOf(message?.id as never));
        expect(priorities).toEqual(priorities.toSorted((one, other) => one - other));
        return leases.length;
      };

      const settle = async (index: number, settlement: object, ends: boolean) => {
        const entry = held[index % held.length];
        if (entry === undefined) return;
        held = held.filter((other) => other !== entry);
        const id = String(entry.lease.key?.id);
        const { ok } = await lab.settle(entry.lease, settlement);
        expect(ok).toBe(entry.until > lab.clock.now());
        if (ok && ends) ended.push(id);
        if (ok && 'fault' in settlement) failed.set(id, (failed.get(id) ?? 0) + 1);
      };

      for (const next of steps) {
        if (next.do === 'publish') {
          await lab.publish('a', published++, { priority: next.priority, delayMs: next.delayMs });
        } else if (next.do === 'lease') await take(next.max);
        else if (next.do === 'complete') await settle(next.which, {}, true);
        else if (next.do === 'drop') await settle(next.which, { kind: 'dropped', reason: 'expired' }, true);
        else if (next.do === 'release') await settle(next.which, { kind: 'released', delayMs: 0 }, false);
        else if (next.do === 'retry') await settle(next.which, { kind: 'retry', delayMs: next.delayMs, fault }, false);
        else if (next.do === 'die') held = held.filter((_, index) => index !== next.which % held.length);
        else if (next.do === 'pass') await lab.clock.advance(next.ms);
        else {
          const entry = held[next.which % held.length];
          const [outcome] = entry === undefined ? [] : await lab.backend.extend([entry.lease], LEASE_MS);
          if (entry !== undefined && outcome?.ok) entry.until = outcome.until;
        }
      }
      await lab.clock.advance(10_000);
      held = [];
      for (let taken = await take(100); taken > 0; taken = await take(100)) {
        for (let index = held.length; index > 0; index--) await settle(0, {}, true);
      }

      expect(ended).toHaveLength(published);
      expect(new Set(ended).size).toBe(published);
      expect(await lab.waiting('worker')).toBe(0);
    }),
    { numRuns: 200 },
  );
});
