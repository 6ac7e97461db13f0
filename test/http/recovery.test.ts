import type { Plan } from 'guildwire';
import type { Problem } from 'guildwire/http';
import { describe, expect, test } from 'vitest';
import { docGuild, fieldsOf, HttpLab, NS, type PageBody } from './lab.ts';

const PLANS = `${NS}/plans`;

/** A lab with dead letters of "worker". */
async function withDeadLetters(count: number): Promise<HttpLab> {
  const lab = new HttpLab({ guild: docGuild });
  await lab.start();
  for (let n = 0; n < count; n++) await lab.publish('doc.tasks', { text: `bad ${n}` }, { format: 'doc.task' });
  await lab.clock.quiet();
  return lab;
}

const lettersOf = async (lab: HttpLab) =>
  (await lab.ask<PageBody>(`${NS}/agents/worker/dead-letters?limit=1000`)).body.items;

describe('dead letters', () => {
  test('are listed with the whole original and every error', async () => {
    await using lab = await withDeadLetters(2);

    const letters = await lettersOf(lab);

    expect(letters).toHaveLength(2);
    expect(letters[0]).toMatchObject({
      topic: '$dead.worker',
      payload: {
        reason: 'failed',
        attempts: 2,
        original: { topic: 'doc.tasks', payload: { text: 'bad 0' } },
        errors: [{ name: 'TypeError', message: 'cannot do that' }, { name: 'TypeError' }],
      },
    });
  });

  test('of an agent that nobody knows are not found', async () => {
    await using lab = await withDeadLetters(0);

    expect(await lettersOf(lab)).toEqual([]);
    expect(await lab.refused(`${NS}/agents/nobody/dead-letters`)).toMatchObject({ status: 404 });
  });
});

describe('a plan', () => {
  test('is made, looked at and run', async () => {
    await using lab = await withDeadLetters(3);

    const made = await lab.post<Plan>(PLANS, { action: 'redrive', agent: 'worker', errorName: 'TypeError' });
    const place = made.headers.get('location') ?? '';
    const before = await lab.ask(place);
    const run = await lab.ask(`${place}/run`, { method: 'POST' });
    await lab.clock.quiet();

    expect(made.status).toBe(201);
    expect(place).toBe(`${PLANS}/${made.body.id}`);
    expect(made.body).toMatchObject({ agent: 'worker', action: 'redrive', total: 3, done: 0, finished: false });
    expect(before.body).toEqual(made.body);
    expect(run.body).toMatchObject({ done: 3, finished: true });
    expect(await lettersOf(lab)).toHaveLength(3);
  });

  test('is run in parts, and no entry twice', async () => {
    await using lab = await withDeadLetters(5);
    const { body: plan } = await lab.post<Plan>(PLANS, { action: 'discard', agent: 'worker' });
    const run = async (max: number) => (await lab.post<Plan>(`${PLANS}/${plan.id}/run`, { max })).body;

    expect(await run(2)).toMatchObject({ done: 2, finished: false });
    expect(await lettersOf(lab)).toHaveLength(3);
    expect(await run(100)).toMatchObject({ done: 5, finished: true });
    expect(await run(100)).toMatchObject({ done: 5, finished: true });
    expect(await lettersOf(lab)).toEqual([]);
  });

  test('keeps a pace, and answers after five seconds however slow it is', async () => {
    await using lab = await withDeadLetters(30);
    const { body: plan } = await lab.post<Plan>(PLANS, { action: 'discard', agent: 'worker' });

    const startedAt = lab.clock.now();
    const { body } = await lab.clock.runUntil(lab.post<Plan>(`${PLANS}/${plan.id}/run`, { perSecond: 2 }));

    expect(lab.clock.now() - startedAt).toBe(5_000);
    expect(body).toMatchObject({ done: 10, finished: false });
  });

  test('names single dead letters, and refuses what is none', async () => {
    await using lab = await withDeadLetters(3);
    const [first] = await lettersOf(lab);

    const one = await lab.post<Plan>(PLANS, { action: 'discard', agent: 'worker', ids: [first?.id] });
    const none = await lab.post<Problem>(PLANS, {
      action: 'discard',
      agent: 'worker',
      ids: ['01HF7YAT000000000000000004'],
    });

    expect(one.body.total).toBe(1);
    expect(none.body).toMatchObject({ status: 400, faults: [{ field: 'ids' }] });
  });

  test('of nothing is refused', async () => {
    await using lab = await withDeadLetters(0);

    const { body } = await lab.post(PLANS, { action: 'redrive', agent: 'worker' });

    expect(body).toMatchObject({ status: 409, code: 'EMPTY_PLAN' });
  });

  test('replays messages of a topic, a pattern or a thread', async () => {
    await using lab = await withDeadLetters(0);
    const root = await lab.publish('doc.tasks', { text: 'x' }, { format: 'doc.task' });
    await lab.clock.quiet();
    const made = async (messages: object) =>
      (await lab.post<Plan>(PLANS, { action: 'replay', agent: 'worker', messages })).body;

    expect(await made({ topic: 'doc.tasks' })).toMatchObject({ total: 1 });
    expect(await made({ topic: 'doc.**', since: '2020-01-01T00:00:00Z' })).toMatchObject({ total: 1 });
    expect(await made({ thread: root, priority: 4 })).toMatchObject({ total: 1 });
    expect(await made({ topic: 'doc.tasks', until: '2020-01-01T00:00:00Z' })).toMatchObject({ code: 'EMPTY_PLAN' });
    expect(await made({})).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('says everything that is wrong with it', async () => {
    await using lab = new HttpLab();
    const faults = async (body: unknown) => fieldsOf((await lab.post<Problem>(PLANS, body)).body).toSorted();

    expect(await faults({ action: 'redo' })).toEqual(['action']);
    expect(await faults([])).toEqual(['body']);
    expect(await faults({ action: 'redrive', agent: 'a b', priority: 11, x: 1 })).toEqual(['agent', 'priority', 'x']);
    expect(await faults({ action: 'replay', agent: 'a', messages: { topic: '!', y: 1 } })).toEqual([
      'messages.topic',
      'messages.y',
    ]);
  });

  test('of another namespace is not found, and not run', async () => {
    await using lab = await withDeadLetters(1);
    const { body: plan } = await lab.post<Plan>(PLANS, { action: 'discard', agent: 'worker' });
    const other = `/v1/namespaces/other/plans/${plan.id}`;

    expect(await lab.refused(other)).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    expect(await lab.refused(`${other}/run`, { method: 'POST' })).toMatchObject({ status: 404 });
    expect(await lettersOf(lab)).toHaveLength(1);
  });

  test('that was never made is not found', async () => {
    await using lab = new HttpLab();

    expect(await lab.refused(`${PLANS}/nonsense`)).toMatchObject({ status: 404 });
    expect(fieldsOf((await lab.post<Problem>(`${PLANS}/x/run`, { max: 0, perSecond: 0 })).body)).toEqual([
      'max',
      'perSecond',
    ]);
  });
});
