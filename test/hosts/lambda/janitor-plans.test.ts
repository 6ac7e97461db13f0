import { expect, test } from 'vitest';
import { systemClock } from '../../../lib/core/clock.ts';
import { janitorHandler } from '../../../lib/hosts/lambda/janitor-handler.ts';
import { AwsLab } from '../../backends/aws/aws-lab.ts';
import { buriedLetters, openLetters, systemTopic } from '../../backends/aws/dead-letters.ts';
import { RecordedLog } from '../../guild/lab.ts';
import { contextOf } from './lab.ts';

const event = { kind: 'guildwire.janitor', deadLetterQueues: {}, sources: {}, runsPlans: true } as const;
const HOUR = 3_600_000;
/** A process whose time is an hour back, so that what it did is an hour old. */
const anHourAgo = { ...systemClock, now: () => Date.now() - HOUR };

async function opened() {
  const lab = await AwsLab.open();
  const topic = await systemTopic(lab.emulators);
  const log = new RecordedLog();
  const { manifest, ...connection } = lab.options;
  const janitor = (options = connection, namespaces: '*' | readonly string[] = [lab.namespace]) => {
    const handler = janitorHandler(manifest, { connection: options, namespaces, log });
    return (remainingMs = 60_000, runsPlans = true) => handler({ ...event, runsPlans }, contextOf(remainingMs));
  };
  const plan = (action: 'redrive' | 'discard') => lab.backend.plan({ namespace: lab.namespace, agent: 'one', action });
  return { lab, topic, log, connection, manifest, janitor, plan };
}

test('a plan whose runner died in the middle of a step is finished by the janitor, with the same deliveries', async () => {
  const { lab, topic, janitor, plan } = await opened();
  await using _ = lab;
  await buriedLetters(lab, ['m1', 'm2']);
  const { id } = await plan('redrive');
  await using runner = lab.twin({ clock: anHourAgo, timeoutMs: 1_000 });
  let hasStepped = false;
  lab.gate.isRefused = (operation) => {
    hasStepped ||= operation === 'TransactWriteItems';
    return operation === 'TransactWriteItems';
  };
  // On a busy machine its time may be over before it comes to a step.
  while (!hasStepped)
    await expect(runner.runPlan(id, { max: 10 })).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  lab.gate.isRefused = () => false;
  const before = await topic.handedOn();
  const tick = janitor();

  expect(await tick(60_000, false)).toEqual({ buried: 0, worked: 0 });
  expect(await tick()).toEqual({ buried: 0, worked: 2 });

  expect(before).toHaveLength(2);
  expect(await topic.handedOn()).toEqual(before);
  expect(await openLetters(lab)).toBe(0);
  expect(await lab.backend.runPlan(id, { max: 0 })).toMatchObject({ done: 2, finished: true });
  expect(await tick()).toEqual({ buried: 0, worked: 0 });
});

test('what was only planned is not done, and what somebody is working on is left to them', async () => {
  const { lab, janitor, plan } = await opened();
  await using _ = lab;
  await buriedLetters(lab, ['m1', 'm2', 'm3', 'm4']);
  const tick = janitor();
  const { id } = await plan('discard');
  await using runner = lab.twin({ clock: anHourAgo });
  await runner.runPlan(id, { max: 0 });
  expect(await tick()).toMatchObject({ worked: 0 });

  await runner.runPlan(id, { max: 1 });
  const { id: other } = await plan('discard');
  await runner.runPlan(other, { max: 1 });
  await lab.backend.runPlan(other, { max: 1 });

  expect(await tick()).toMatchObject({ worked: 3 });
  expect(await openLetters(lab)).toBe(0);
  expect(await lab.backend.runPlan(other, { max: 0 })).toMatchObject({ total: 3, done: 2, finished: false });
});

test('begins nothing for which there is no time', async () => {
  const { lab, janitor, plan } = await opened();
  await using _ = lab;
  await buriedLetters(lab, ['m1', 'm2']);
  const { id } = await plan('discard');
  await using runner = lab.twin({ clock: anHourAgo });
  await runner.runPlan(id, { max: 1 });

  expect(await janitor()(15_000)).toMatchObject({ worked: 0 });
  expect(await lab.backend.runPlan(id, { max: 0 })).toMatchObject({ done: 1 });
  expect(await janitor()()).toMatchObject({ worked: 1 });
});

test('a plan for an agent that is gone is said once and left, and keeps no other from being worked off', async () => {
  const { lab, log, janitor, connection, manifest, plan } = await opened();
  await using _ = lab;
  await buriedLetters(lab, ['m1', 'm2']);
  const { id } = await plan('redrive');
  await using runner = lab.twin({ clock: anHourAgo });
  await runner.runPlan(id, { max: 1 });
  const without = janitorHandler({ ...manifest, agents: [] }, { connection, namespaces: [lab.namespace], log });

  await expect(without(event, contextOf(60_000))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(await without(event, contextOf(60_000))).toMatchObject({ worked: 0 });

  expect(log.texts).toContain('error: could not work off a plan: it is left to whoever runs it by its id');
  expect(await janitor()()).toMatchObject({ worked: 0 });
  expect(await lab.backend.runPlan(id, { max: 10 })).toMatchObject({ finished: true });
});
