import { expect, test } from 'vitest';
import type { DueSwitch } from '../../../lib/backends/aws/ledger/pausing.ts';
import { systemClock } from '../../../lib/core/clock.ts';
import { BackendUnavailableError } from '../../../lib/core/errors.ts';
import { janitorHandler } from '../../../lib/hosts/lambda/janitor-handler.ts';
import { finishPauses, type UnfinishedOptions } from '../../../lib/hosts/lambda/janitor-pauses.ts';
import { AwsLab } from '../../backends/aws/aws-lab.ts';
import { FakeLambda } from '../../backends/aws/fake-lambda.ts';
import { RecordedLog } from '../../guild/lab.ts';
import { contextOf } from './lab.ts';

const sources = { one: ['uuid'] };

test('the event sources of an agent that was paused by who could not change them are off with the next tick, and on again', async () => {
  await using lab = await AwsLab.open();
  await using lambda = await FakeLambda.open();
  const { manifest, ...options } = lab.options;
  const connection = { ...options, endpoints: { ...options.endpoints, lambda: lambda.url } };
  const log = new RecordedLog();
  const handler = janitorHandler(manifest, { connection, namespaces: [lab.namespace], log });
  const event = { kind: 'guildwire.janitor', deadLetterQueues: {}, sources, runsPlans: false } as const;
  const tick = () => handler(event, contextOf(60_000));
  await using operator = lab.twin({ namespaces: [lab.namespace] });

  await tick();
  expect(lambda.asked).toEqual([]);
  await operator.pause(lab.namespace, 'one', true);
  await tick();
  expect([...lambda.isEnabled]).toEqual([['uuid', false]]);
  await operator.pause(lab.namespace, 'one', false);
  lambda.before = async () => 'AccessDeniedException';
  await expect(tick()).rejects.toMatchObject({ code: 'AWS_ACCESS_DENIED', action: 'lambda:UpdateEventSourceMapping' });
  lambda.before = async () => undefined;
  await tick();
  await tick();

  expect([...lambda.isEnabled]).toEqual([['uuid', true]]);
  const known = lambda.asked.length;
  await tick();
  expect(lambda.asked).toHaveLength(known);
});

test.each([[['prod', 'beta']], ['*' as const]])(
  'an agent that was paused in all namespaces is on again after a deployment that serves %j',
  async (namespaces) => {
    await using lab = await AwsLab.open();
    await using lambda = await FakeLambda.open();
    const { manifest, ...options } = lab.options;
    const connection = { ...options, endpoints: { ...options.endpoints, lambda: lambda.url } };
    const event = { kind: 'guildwire.janitor', deadLetterQueues: {}, sources, runsPlans: false } as const;
    const tick = (served: '*' | readonly string[]) =>
      janitorHandler(manifest, { connection, namespaces: served, log: new RecordedLog() })(event, contextOf(60_000));
    await using operator = lab.twin({ namespaces: ['prod'] });

    await operator.pause('prod', 'one', true);
    await tick(['prod']);
    await tick(['prod']);
    expect([...lambda.isEnabled]).toEqual([['uuid', false]]);
    expect(lambda.asked).toHaveLength(1);
    await tick(namespaces);
    await tick(namespaces);

    expect([...lambda.isEnabled]).toEqual([['uuid', true]]);
    expect(lambda.asked).toHaveLength(2);
  },
);

function looked(given: Partial<UnfinishedOptions> & { readonly due: (namespace: string) => readonly DueSwitch[] }) {
  const finished: string[] = [];
  const failures: unknown[] = [];
  const { due, ...more } = given;
  const pausing = {
    due: async (namespace: string) => due(namespace),
    finish: async ({ namespace, agent }: DueSwitch) => {
      finished.push(`${namespace} ${agent}`);
    },
    turnedOff: async () => ['another', 'one'],
    recheck: async (agent: string) => {
      finished.push(agent);
      return true;
    },
  };
  const done = finishPauses({
    pausing,
    namespaces: ['prod', 'test'],
    sources,
    clock: systemClock,
    log: new RecordedLog(),
    until: Number.POSITIVE_INFINITY,
    onFailure: (error) => failures.push(error),
    ...more,
  });
  return done.then(() => ({ finished, failures }));
}
const dueOf = (namespace: string, ...agents: readonly string[]) =>
  agents.map((agent) => ({ namespace, agent, sort: agent }));

test('what is due of agents of another event is left alone', async () => {
  const due = (namespace: string) => dueOf(namespace, 'another', 'one');

  expect(await looked({ due })).toEqual({ finished: ['prod one', 'test one', 'one'], failures: [] });
  expect(await looked({ due, namespaces: '*' })).toEqual({ finished: ['one'], failures: [] });
  expect(await looked({ due, until: 0 })).toEqual({ finished: [], failures: [] });
});

test('a namespace that cannot be looked at does not keep it from the others', async () => {
  const away = new BackendUnavailableError('away');
  const due = (namespace: string) => {
    if (namespace === 'prod') throw away;
    return dueOf(namespace, 'one');
  };

  expect(await looked({ due })).toEqual({ finished: ['test one', 'one'], failures: [away] });
});
