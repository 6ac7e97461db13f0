/** The order of arrival where writers are late: nothing is skipped, and what comes again comes once. */
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ArrivalPlace, readArrival, TAIL_HORIZON_MS } from '../../../../lib/backends/aws/log/arrival.ts';
import { compareKeys } from '../../../../lib/backends/aws/log/ranges.ts';
import type { Cursor, ReadQuery } from '../../../../lib/backends/backend.ts';
import { systemClock } from '../../../../lib/core/clock.ts';
import { createGemstoneIdGenerator, firstIdOf, type GemstoneId, timeOf } from '../../../../lib/core/gemstone-id.ts';
import type { Message } from '../../../../lib/core/message.ts';
import { type Emulators, startEmulators } from '../../../../lib/rehearsal/emulators.ts';
import { seededRandom } from '../../../../lib/testing/random.ts';
import { draft, type LogLab, openLog } from './log-lab.ts';

describe('over any writers that are late by less than the horizon', () => {
  const START = 1_800_000_000_000;
  /** When it is minted, how late it becomes visible, and how long until the next one. */
  const arriving = fc.record({
    lateMs: fc.integer({ min: 0, max: TAIL_HORIZON_MS - 1 }),
    gapMs: fc.nat({ max: 3_000 }),
  });
  const reading = fc.record({ pauseMs: fc.nat({ max: 4_000 }), limit: fc.integer({ min: 2, max: 12 }) });

  test('every message is given, at most twice, and the settled place stays behind the horizon', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(arriving, { maxLength: 40 }),
        fc.array(reading, { minLength: 1, maxLength: 60 }),
        async (writes, reads) => {
          let now = START;
          const ids = createGemstoneIdGenerator(() => now, seededRandom(1));
          const messages = writes.map(({ lateMs, gapMs }) => {
            now += gapMs;
            const message = { id: ids.next(4), topic: 'a' } as Message;
            return { message, visibleAt: now + lateMs };
          });
          const given = new Map<GemstoneId, number>();
          let place: ArrivalPlace = { settled: undefined, seen: undefined };
          const look = async (at: number, limit: number) => {
            const there = messages
              .filter(({ visibleAt }) => visibleAt <= at)
              .map(({ message }) => message)
              .toSorted(compareKeys);
            const page = await readArrival(place, at, limit, async ({ after, to }, most) => {
              const named = there.filter(
                (each) => (after === undefined || compareKeys(each, after) > 0) && (to === undefined || each.id <= to),
              );
              const items = named.slice(0, most);
              return { items, looked: items.at(-1), isDone: named.length <= most };
            });
            place = page.place;
            for (const { id } of page.items) given.set(id, (given.get(id) ?? 0) + 1);
            expect(page.items.length).toBeLessThanOrEqual(limit);
            expect(timeOf(place.settled?.id ?? firstIdOf(0))).toBeLessThanOrEqual(at - TAIL_HORIZON_MS);
            return page.items.length;
          };
          let at = START;
          for (const { pauseMs, limit } of reads) {
            at += pauseMs;
            await look(at, limit);
          }
          at = Math.max(at, now) + 2 * TAIL_HORIZON_MS;
          while ((await look(at, 5)) > 0) at += 1;

          expect([...given.keys()].toSorted()).toEqual(messages.map(({ message }) => message.id).toSorted());
          expect(Math.max(0, ...given.values())).toBeLessThanOrEqual(2);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('fails when a cursor goes by the newest id alone: a late message is then skipped', async () => {
    const late = { id: firstIdOf(START - 5_000), topic: 'a' } as Message;
    const young = { id: firstIdOf(START), topic: 'a' } as Message;
    const read =
      (there: readonly Message[]) =>
      async ({ after }: { readonly after?: { readonly id: string } }) => {
        const items = there.filter(({ id }) => after === undefined || id > after.id);
        return { items, looked: items.at(-1), isDone: true };
      };

    const first = await readArrival({ settled: undefined, seen: undefined }, START, 10, read([young]));
    const naive = { settled: first.place.seen, seen: first.place.seen };
    const [skipped, kept] = await Promise.all(
      [naive, first.place].map((place) => readArrival(place, START + 6_000, 10, read([late, young]))),
    );

    expect(skipped?.items).toEqual([]);
    expect(kept?.items).toContain(late);
  });
});

describe('on a table', () => {
  let emulators: Emulators;
  beforeAll(async () => {
    emulators = await startEmulators();
  });
  afterAll(() => emulators[Symbol.asyncDispose]());
  const query = { namespace: 'test', where: { topic: 'a' }, order: 'arrival', limit: 100 } as const;

  /** A log whose clock, and the store's, are ahead of this machine's by what is set. */
  async function openAhead() {
    const shift = { aheadMs: 0 };
    const log = await openLog(emulators, { clock: { ...systemClock, now: () => Date.now() + shift.aheadMs } });
    await log.append(draft('first'));
    return { log, shift };
  }
  const putLate = async (log: LogLab, payload: string, agoMs: number) => {
    const [prepared] = await log.writer.prepare([draft(payload)]);
    const item = { ...prepared?.puts[0]?.Put?.Item, sk: { S: firstIdOf(Date.now() - agoMs) } };
    const command = new PutItemCommand({ TableName: log.tables.messagesTable, Item: item });
    await log.dynamodb.send(command, { action: 'dynamodb:PutItem', resource: log.tables.messagesTable });
  };

  test('a page gives what is new, and a late writer is given when its stretch has settled', async () => {
    const { log, shift } = await openAhead();
    await log.append(draft('second'));
    const got: unknown[] = [];
    let after: Cursor | undefined;
    const page = async (given: Partial<ReadQuery> = {}) => {
      const { items, next } = await log.reader.read({ ...query, ...given, ...(after !== undefined && { after }) });
      after = next ?? after;
      got.push(items.map(({ payload }) => payload));
    };

    await page();
    await page();
    await putLate(log, 'late', 8_000);
    await log.append(draft('third'));
    await page();
    shift.aheadMs = TAIL_HORIZON_MS + 1_000;
    await page();
    await page();

    expect(got).toEqual([['first', 'second'], [], ['third'], ['late', 'first', 'second', 'third'], []]);
  });

  test('a cursor holds nothing of this process: another reader goes on with it', async () => {
    const { log } = await openAhead();
    const first = await log.reader.read(query);
    const other = await openLog(emulators, log.tables);
    await log.append(draft('second'));

    const { items } = await other.reader.read({ ...query, after: first.next as Cursor });

    expect(items.map(({ payload }) => payload)).toEqual(['second']);
  });

  test('waiting ends with the first message that comes, which another process may store', async () => {
    const { log } = await openAhead();
    const { next } = await log.reader.read(query);

    const waiting = log.reader.read({ ...query, after: next as Cursor, waitMs: 30_000 });
    await (await openLog(emulators, log.tables)).append(draft('second'));

    expect((await waiting).items.map(({ payload }) => payload)).toEqual(['second']);
  });

  test('waiting ends at once when its signal aborts, and rejects when the backend is closed', async () => {
    const { log } = await openAhead();
    const { next } = await log.reader.read(query);
    const stop = new AbortController();
    const waiting = log.reader.read({ ...query, after: next as Cursor, waitMs: 30_000, signal: stop.signal });
    const closed = log.reader.read({ ...query, after: next as Cursor, waitMs: 30_000 });

    stop.abort();

    expect((await waiting).items).toEqual([]);
    log.calls[Symbol.dispose]();
    await expect(closed).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  });

  test('polls get rarer, up to one a second', async () => {
    const waits: number[] = [];
    const stop = new AbortController();
    const clock = {
      ...systemClock,
      setTimer: (delayMs: number, callback: () => void) => {
        if (waits.push(delayMs) === 8) stop.abort();
        return systemClock.setTimer(0, callback);
      },
    };
    const log = await openLog(emulators, { clock });

    await log.reader.read({ ...query, waitMs: 60_000, signal: stop.signal });

    expect(waits.slice(0, 3)).toEqual([100, 150, 225]);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1_000);
    expect(waits[7]).toBe(1_000);
  });
});
