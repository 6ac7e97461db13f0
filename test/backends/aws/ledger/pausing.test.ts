import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { AwsBackend } from '../../../../lib/backends/aws/aws-backend.ts';
import { awsParts } from '../../../../lib/backends/aws/aws-parts.ts';
import { type AwsOptions, awsSettings } from '../../../../lib/backends/aws/aws-settings.ts';
import { type SwitchMapping, switchMapping } from '../../../../lib/backends/aws/calls/switch-mapping.ts';
import { Pausing } from '../../../../lib/backends/aws/ledger/pausing.ts';
import { AwsLab } from '../aws-lab.ts';
import { FakeLambda } from '../fake-lambda.ts';

const [NORMAL, URGENT] = ['normal-uuid', 'urgent-uuid'];
let lab: AwsLab;
let lambda: FakeLambda;
let guilds = 0;
let [here, there] = ['', ''];
beforeAll(async () => {
  lab = await AwsLab.open();
});
afterAll(() => lab[Symbol.asyncDispose]());
beforeEach(async () => {
  lambda = await FakeLambda.open();
  [here, there] = [`here${++guilds}`, `there${guilds}`];
  // What is off is so in all namespaces, so that one test would see it of another.
  await janitor().recheck('one', [], Date.now());
  return () => lambda[Symbol.asyncDispose]();
});

const options = (more: Partial<AwsOptions> = {}): AwsOptions => ({
  ...lab.options,
  endpoints: { ...lab.options.endpoints, lambda: lambda.url },
  namespaces: [here, there],
  sources: { one: [NORMAL, URGENT] },
  timeoutMs: 2_000,
  ...more,
});
const open = (more: Partial<AwsOptions> = {}, switcher: SwitchMapping | undefined = switchMapping) =>
  new AwsBackend(options(more), switcher);
/** As the janitor has them. */
function janitor(more: Partial<AwsOptions> = {}): Pausing {
  const { dynamodb, switches } = awsParts(awsSettings(options(more), {}), 1_000);
  return new Pausing(dynamodb, switches, switchMapping);
}
const due = async () => (await Promise.all([here, there].map((namespace) => janitor().due(namespace)))).flat();
async function finishAll(): Promise<void> {
  for (const each of await due()) await janitor().finish(each, [NORMAL, URGENT], Date.now() + 2_000);
}
const isListedAsOff = async () => (await janitor().turnedOff()).includes('one');
const switchesAre = async (...expected: readonly boolean[]) => {
  const { switches } = awsParts(awsSettings(options(), {}), 1_000);
  expect(await Promise.all([here, there].map((namespace) => switches.read(namespace, 'one')))).toEqual(expected);
};
const both = (isEnabled: boolean) => [
  [NORMAL, isEnabled],
  [URGENT, isEnabled],
];
const states = () => [...lambda.isEnabled].toSorted(([one = ''], [other = '']) => one.localeCompare(other));

test('the event sources of both lanes are off while the agent is paused in all namespaces, and only then', async () => {
  await using backend = open();

  await backend.pause(here, 'one', true);
  expect(lambda.asked).toEqual([]);
  await backend.pause(there, 'one', true);
  expect(states()).toEqual(both(false));
  await backend.pause(there, 'one', true);
  expect(states()).toEqual(both(false));

  await backend.pause(here, 'one', false);
  expect(states()).toEqual(both(true));
  await switchesAre(false, true);
  await backend.pause(here, 'one', false);
  expect(states()).toEqual(both(true));
  expect(await due()).toEqual([]);
  expect(await isListedAsOff()).toBe(false);
});

test.each([
  ['more namespaces', () => [here, there]],
  ['another namespace', () => [there]],
  ['any namespace', () => undefined],
])('an agent that was off does not stay so in a deployment that serves %s', async (_, of) => {
  await using backend = open({ namespaces: [here] });
  await backend.pause(here, 'one', true);
  expect(states()).toEqual(both(false));
  const { namespaces: _served, ...dynamic } = options();
  const served = of();
  const { dynamodb, switches } = awsParts(
    awsSettings(served === undefined ? dynamic : options({ namespaces: served }), {}),
    1_000,
  );
  const next = new Pausing(dynamodb, switches, switchMapping);

  expect(await next.turnedOff()).toEqual(['one']);
  lambda.before = async () => 'AccessDeniedException';
  await expect(next.recheck('one', [NORMAL, URGENT], Date.now() + 2_000)).rejects.toMatchObject({
    code: 'AWS_ACCESS_DENIED',
  });
  lambda.before = async () => undefined;
  expect(await next.recheck('one', [NORMAL, URGENT], Date.now() + 2_000)).toBe(true);

  expect(states()).toEqual(both(true));
  expect(await next.turnedOff()).toEqual([]);
});

test('an agent that is off and still paused in all namespaces is left off, and looked at again', async () => {
  await using backend = open({ namespaces: [here] });
  await backend.pause(here, 'one', true);
  await backend.pause(here, 'one', true);
  const asked = lambda.asked.length;

  expect(await janitor({ namespaces: [here] }).recheck('one', [NORMAL, URGENT], Date.now() + 2_000)).toBe(false);

  expect(lambda.asked).toHaveLength(asked);
  expect(states()).toEqual(both(false));
  expect(await isListedAsOff()).toBe(true);
});

test('it is listed as off before it is', async () => {
  await using backend = open({ namespaces: [here] });
  const seen: boolean[] = [];
  lambda.before = async () => {
    seen.push(await isListedAsOff());
    return undefined;
  };

  await backend.pause(here, 'one', true);

  expect(seen).toEqual([true, true]);
});

test('who turns off what another one has just turned on is listed', async () => {
  await using resuming = open({ namespaces: [here] });
  await using pausing = open({ namespaces: [here] });
  await pausing.pause(here, 'one', true);
  let isFirst = true;
  lambda.before = async ({ isEnabled }) => {
    if (!isEnabled || !isFirst) return undefined;
    isFirst = false;
    await pausing.pause(here, 'one', true);
    return undefined;
  };

  await resuming.pause(here, 'one', false);

  expect(isFirst).toBe(false);
  expect(states()).toEqual(both(false));
  expect(await isListedAsOff()).toBe(true);
});

test('who resumes while another one pauses is not undone: the agent works', async () => {
  await using pausing = open();
  await using resuming = open();
  await pausing.pause(there, 'one', true);
  let isFirst = true;
  lambda.before = async ({ isEnabled }) => {
    if (isEnabled || !isFirst) return undefined;
    isFirst = false;
    // What it says takes effect before what was asked for earlier.
    await resuming.pause(there, 'one', false);
    return undefined;
  };

  await pausing.pause(here, 'one', true);

  expect(isFirst).toBe(false);
  await switchesAre(true, false);
  expect(states()).toEqual(both(true));
  expect(await due()).toEqual([]);
});

test.each(['ResourceInUseException', 'ResourceConflictException', 'TooManyRequestsException'])(
  'a mapping that is busy (%s) is asked again',
  async (name) => {
    await using backend = open({ namespaces: [here], sources: { one: [NORMAL] } });
    lambda.before = async () => (lambda.asked.length < 4 ? name : undefined);

    await backend.pause(here, 'one', true);

    expect(states()).toEqual([[NORMAL, false]]);
    expect(lambda.asked).toHaveLength(4);
  },
);

test.each(['AccessDeniedException', 'ResourceInUseException', 'ResourceNotFoundException'])(
  'where the change is refused (%s) the switch holds all the same, and the janitor makes the sources follow',
  async (name) => {
    await using backend = open({ timeoutMs: 300 });
    await backend.pause(there, 'one', true);
    lambda.before = async () => name;

    await backend.pause(here, 'one', true);

    await switchesAre(true, true);
    expect(states()).toEqual([]);
    lambda.before = async () => undefined;
    await finishAll();
    expect(states()).toEqual(both(false));
    expect(await due()).toEqual([]);

    lambda.before = async () => name;
    await backend.pause(here, 'one', false);
    lambda.before = async () => undefined;
    await finishAll();
    expect(states()).toEqual(both(true));
  },
);

test.each([
  ['another namespace', () => there],
  ['the same namespace', () => here],
])('a caller that dies behind its change leaves no agent without deliveries that was resumed in %s', async (_, of) => {
  await using resuming = open();
  await using dying = open({}, async (...call) => {
    await switchMapping(...call);
    throw new Error('the process was killed');
  });
  await resuming.pause(there, 'one', true);
  lambda.before = async ({ isEnabled }) => {
    lambda.before = async () => undefined;
    if (!isEnabled) await resuming.pause(of(), 'one', false);
    return undefined;
  };

  await expect(dying.pause(here, 'one', true)).rejects.toThrow('the process was killed');
  expect([...lambda.isEnabled.values()]).toContain(false);
  await finishAll();

  expect(states()).toEqual(both(true));
  expect(await due()).toEqual([]);
});

test('whoever does not know the sources, or has no way to change them, leaves them to the janitor', async () => {
  await using ignorant = open({ sources: {} });
  await using unable = new AwsBackend(options());

  await ignorant.pause(here, 'one', true);
  await unable.pause(there, 'one', true);

  expect(lambda.asked).toEqual([]);
  await switchesAre(true, true);
  await finishAll();
  expect(states()).toEqual(both(false));
});

test('where the namespaces are not known, or the one that is paused is not served, nothing follows', async () => {
  const { namespaces: _, ...dynamic } = options();
  await using anywhere = new AwsBackend(dynamic, switchMapping);
  await using backend = open();

  await anywhere.pause(here, 'one', true);
  await anywhere.pause(there, 'one', true);
  await backend.pause('elsewhere', 'one', true);

  expect(lambda.asked).toEqual([]);
  expect(await due()).toEqual([]);
  await switchesAre(true, true);
});
