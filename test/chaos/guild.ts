/** A coordinator hands each task to one of four specialists, and an aggregator makes one result of each four answers. */
import { setTimeout as sleep } from 'node:timers/promises';
import { defineAgent, defineFormat, defineGuild } from 'guildwire';
import * as z from 'zod';

export const kinds = ['grammar', 'clarity', 'tone', 'structure'] as const;
const Kind = z.enum(kinds);

/** Which specialist a task is for. */
export const kindOf = (n: number): (typeof kinds)[number] => kinds[n % kinds.length] ?? 'grammar';
/** Which tasks belong together, as the chunks of a document do. */
export const documentOf = (n: number): number => Math.floor(n / kinds.length);

/** As long as a chunk of a document, so that the work weighs what real work does. */
export const Task = defineFormat('chaos.task', z.object({ n: z.int(), text: z.string() }));
export const Answer = defineFormat('chaos.answer', z.object({ n: z.int(), kind: Kind, words: z.int() }));
export const Result = defineFormat('chaos.result', z.object({ document: z.int(), answers: z.array(Kind) }));
const Received = defineFormat('chaos.received', z.object({ answers: z.array(Kind) }));

/**
 * A short time limit means a short lease, so that what a killed worker held is soon handed to another. A delivery may be hit
 * often, and must not become a dead letter for that.
 */
const shared = { timeoutMs: 1_000, retry: { attempts: 50, baseMs: 50, maxMs: 500 }, concurrency: 25 } as const;
/** So that something runs in every worker whenever it is hit; for some tasks longer than for others, alike in every run. */
const work = (n: number) => sleep((n * 7) % 20);

const coordinator = defineAgent({
  ...shared,
  name: 'coordinator',
  entry: import.meta.url,
  subscribes: ['tasks'],
  publishes: kinds.map((kind) => `work.${kind}` as const),
  handlers: (on) => [
    on(Task, async ({ n }, context) => {
      await work(n);
      context.forward(`work.${kindOf(n)}`);
    }),
  ],
});

const specialists = kinds.map((kind) =>
  defineAgent({
    ...shared,
    name: kind,
    entry: import.meta.url,
    subscribes: [`work.${kind}`],
    publishes: ['answers'],
    handlers: (on) => [
      on(Task, async ({ n, text }, context) => {
        await work(n);
        context.publish('answers', Answer, { n, kind, words: text.split(' ').length }, { key: `${documentOf(n)}` });
      }),
    ],
  }),
);

const aggregator = defineAgent({
  ...shared,
  name: 'aggregator',
  entry: import.meta.url,
  subscribes: ['answers'],
  publishes: ['results'],
  state: Received,
  ordering: 'key',
  handlers: (on) => [
    on(Answer, async ({ n, kind }, context) => {
      const document = documentOf(n);
      const before = (await context.state.get(`${document}`)) ?? { answers: [] };
      const answers = [...before.answers, kind];
      if (answers.length < kinds.length) {
        context.state.set(`${document}`, { answers });
        return;
      }
      context.state.delete(`${document}`);
      context.publish('results', Result, { document, answers });
    }),
  ],
});

export default defineGuild({ name: 'chaos', agents: [coordinator, ...specialists, aggregator] });
