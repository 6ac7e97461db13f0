import { describe, expect, test } from 'vitest';
import { docGuild, HttpLab, NS } from './lab.ts';

interface Agents {
  readonly guild?: string;
  readonly items: readonly { readonly agent: string; readonly waiting: number; readonly paused: boolean }[];
  readonly edges?: readonly object[];
}

describe('agents', () => {
  test('are those of the guild, with what waits for them and who reaches whom', async () => {
    await using lab = new HttpLab({ guild: docGuild });
    await lab.start();
    await lab.ask(`${NS}/agents/worker/pause`, { method: 'POST' });
    await lab.publish('doc.tasks', { text: 'x' }, { format: 'doc.task' });
    await lab.clock.quiet();

    const { body } = await lab.ask<Agents>(`${NS}/agents`);

    expect(body).toEqual({
      guild: 'doc',
      edges: [{ from: 'worker', to: 'reader', publishes: 'doc.results', subscribes: 'doc.*' }],
      items: [
        {
          agent: 'reader',
          subscribed: true,
          waiting: 0,
          dead: 0,
          dropped: { 'no-handler': 1 },
          paused: false,
          subscribes: ['doc.*'],
          publishes: [],
          formats: ['doc.result'],
          handlesAny: false,
        },
        {
          agent: 'worker',
          subscribed: true,
          waiting: 1,
          dead: 0,
          dropped: {},
          oldestAt: lab.clock.now(),
          paused: true,
          subscribes: ['doc.tasks'],
          publishes: ['doc.results'],
          formats: ['doc.task'],
          handlesAny: false,
        },
      ],
    });
  });

  test('are those with a subscription where the guild is not known', async () => {
    await using lab = new HttpLab();
    await lab.start();

    const { body } = await lab.ask<Agents>(`${NS}/agents`);

    expect(body.items.map(({ agent }) => agent)).toEqual(['reader', 'worker']);
    expect(Object.keys(body)).toEqual(['items']);
  });

  test('that nobody runs are told as well, without a subscription', async () => {
    await using lab = new HttpLab({ guild: docGuild });

    const { body } = await lab.ask<Agents>(`${NS}/agents`);

    expect(body.items).toMatchObject([
      { agent: 'reader', subscribed: false },
      { agent: 'worker', subscribed: false },
    ]);
  });
});

describe('pause and resume', () => {
  test('stop deliveries and let them go on', async () => {
    await using lab = new HttpLab({ guild: docGuild });
    await lab.start();

    const paused = await lab.ask(`${NS}/agents/worker/pause`, { method: 'POST' });
    await lab.publish('doc.tasks', { text: 'x' }, { format: 'doc.task' });
    await lab.clock.quiet();
    const meanwhile = await lab.ask<{ items: [] }>(`${NS}/topics/doc.results/messages`);
    const resumed = await lab.ask(`${NS}/agents/worker/resume`, { method: 'POST' });
    await lab.clock.quiet();
    const after = await lab.ask<{ items: [] }>(`${NS}/topics/doc.results/messages`);

    expect(paused.body).toEqual({ agent: 'worker', paused: true });
    expect(resumed.body).toEqual({ agent: 'worker', paused: false });
    expect([meanwhile.body.items.length, after.body.items.length]).toEqual([0, 1]);
  });

  test('know their agents', async () => {
    await using lab = new HttpLab({ guild: docGuild });
    await lab.start();

    const { status } = await lab.ask(`${NS}/agents/wroker/pause`, { method: 'POST' });

    expect(status).toBe(404);
  });
});

describe('explain', () => {
  test('says of each agent what became of a message', async () => {
    await using lab = new HttpLab({ guild: docGuild });
    await lab.start();
    const id = await lab.publish('doc.tasks', { text: 'x' }, { format: 'doc.task' });
    await lab.clock.quiet();

    const { body } = await lab.ask(`${NS}/explain/doc.tasks/${id}`);

    expect(body).toMatchObject({
      reference: `doc.tasks/${id}`,
      agents: [
        { agent: 'reader', verdict: 'no-handler', matched: ['doc.*'] },
        { agent: 'worker', verdict: 'handled', matched: ['doc.tasks'], attempts: 1 },
      ],
    });
  });

  test('knows when there is no such message', async () => {
    await using lab = new HttpLab({ guild: docGuild });

    expect((await lab.ask(`${NS}/explain/doc.tasks/01HF7YAT000000000000000004`)).status).toBe(404);
  });
});
