import { readFileSync } from 'node:fs';
import { defineGuild, MemoryBackend, type RunningGuild, silentLog, startGuild } from 'guildwire';
import { VirtualClock } from 'guildwire/testing';
import { expect, test } from 'vitest';
import { createAggregator } from './agents/aggregator.ts';
import { createDisplay } from './agents/display.ts';
import { plantedMistakes } from './fixtures/planted.ts';
import type { ReportPayload } from './formats.ts';
import { agents, topics } from './guild.ts';
import { publishDocument } from './publish-document.ts';
import { suggestionsOf, toMarkdown } from './report.ts';

const planted = readFileSync(new URL('fixtures/planted.md', import.meta.url), 'utf8');

/** The guild with somebody who watches; `without` leaves agents out. */
async function start(without: readonly string[] = []) {
  const reports: ReportPayload[] = [];
  let answers = 0;
  const clock = new VirtualClock();
  const { promise, resolve } = Promise.withResolvers<ReportPayload>();
  const display = createDisplay({
    onAnswer: () => void answers++,
    onReport: (report) => {
      reports.push(report);
      resolve(report);
    },
  });
  const present = [...agents.slice(0, -1), createAggregator(60_000), display].filter(
    ({ name }) => !without.includes(name),
  );
  const guild = defineGuild({ name: 'doc-review', agents: present, topics });
  const backend = new MemoryBackend({ clock });
  const running: RunningGuild = await startGuild(guild, { backend: () => backend, clock, log: silentLog });
  return {
    running,
    clock,
    reports,
    report: promise,
    answers: () => answers,
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}

test('all twenty planted mistakes are found, each by the right specialist at its place, and nothing else', async () => {
  await using review = await start();

  await publishDocument(review.running, 'one', planted);
  const report = await review.report;

  const places = suggestionsOf(report).map(({ kind, rule, line, column }) => `${kind} ${rule} ${line}:${column}`);
  expect(places.toSorted()).toEqual(
    plantedMistakes.map(({ kind, rule, line, column }) => `${kind} ${rule} ${line}:${column}`).toSorted(),
  );
  expect(report).toMatchObject({ docId: 'one', partial: false });
});

test('the summary holds each answer once and exactly one report, and every message can be read back', async () => {
  await using review = await start();

  const { answers } = await publishDocument(review.running, 'one', planted);
  await review.report;
  await review.clock.advance(3_600_000);

  const { items } = await review.running.read({ topic: 'doc.review.summary', limit: 1_000 });
  expect(items.filter(({ format }) => format === 'doc.answer')).toHaveLength(answers);
  expect(items.filter(({ format }) => format === 'doc.report')).toHaveLength(1);
  expect(review.answers()).toBe(answers);
  const all = (await review.running.read({ conversation: 'one', limit: 1_000 })).items;
  expect(new Set(all.map(({ topic }) => topic))).toContain('doc.review.structure');
  expect((await review.running.stats()).map(({ waiting, dead }) => [waiting, dead])).toEqual(Array(7).fill([0, 0]));
});

test('the same text gives the same report, to the letter, and nothing in it tells when it was made', async () => {
  const texts: string[] = [];
  for (let time = 0; time < 2; time++) {
    await using review = await start();
    await review.clock.advance(time * 12_345);
    await publishDocument(review.running, `run-${time}`, planted);
    texts.push(toMarkdown(await review.report, 'planted.md'));
  }

  expect(texts[1]).toBe(texts[0]);
  expect(texts[0]).not.toMatch(/\d{2}:\d{2}:\d{2}|\d+(\.\d+)? ?(ms|s|seconds)\b|2026/);
});

test('a document whose answers are not complete gets one partial report after its deadline', async () => {
  await using review = await start(['tone']);

  const { answers } = await publishDocument(review.running, 'one', planted);
  await review.clock.advance(59_000);
  expect(review.reports).toEqual([]);
  await review.clock.advance(2_000);
  await review.clock.advance(3_600_000);

  expect(review.reports).toHaveLength(1);
  const [report] = review.reports as [ReportPayload];
  expect(report.partial).toBe(true);
  expect(report.answers).toEqual({ received: (answers - 1) * (2 / 3) + 1, expected: answers });
  expect(suggestionsOf(report).map(({ kind }) => kind)).not.toContain('tone');
  expect(toMarkdown(report, 'planted.md')).toContain('**Partial: ');
});

test('documents reviewed at the same time do not mix', async () => {
  await using review = await start();
  const other = '# Other\n\nThis is is short.\n';

  await Promise.all([publishDocument(review.running, 'one', planted), publishDocument(review.running, 'two', other)]);
  await review.clock.advance(1);
  await review.clock.advance(1);

  const byId = new Map(review.reports.map((report) => [report.docId, suggestionsOf(report).length]));
  expect(Object.fromEntries(byId)).toEqual({ one: 20, two: 1 });
});

test('sections come in the order of the document, with the suggestions that stand in them', async () => {
  await using review = await start();
  const text = '# Title\n\nIt is is here.\n\n## First\n\nA apple.\n\n## Second\n\nClean text.\n';

  await publishDocument(review.running, 'one', text);
  const { sections } = await review.report;

  expect(
    sections.map(({ heading, line, suggestions }) => [heading, line, suggestions.map(({ rule }) => rule)]),
  ).toEqual([
    ['Title', 1, ['repeated-word']],
    ['First', 5, ['article']],
    ['Second', 9, []],
  ]);
});
