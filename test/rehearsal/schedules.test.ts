import { expect, test } from 'vitest';
import type { JsonObject } from '../../lib/core/json.ts';
import { rehearse } from '../../lib/rehearsal/rehearse.ts';
import { arnOf, WrittenAssembly } from './fixtures/assembly.ts';
import { printed, until } from './fixtures/calls.ts';

const code = 'export const handler = async (event) => { console.log(JSON.stringify(event)); return event; };';

const rule = (changes: JsonObject = {}): JsonObject => ({
  Type: 'AWS::Events::Rule',
  Properties: {
    ScheduleExpression: 'rate(5 minutes)',
    State: 'ENABLED',
    Targets: [{ Arn: arnOf('Janitor'), Id: 'Target0' }],
    ...changes,
  },
});

test('a schedule runs when it is ticked by its own name or by its function, and says what came of it', async () => {
  using assembly = new WrittenAssembly({ functions: { Janitor: code }, resources: { Sweep: rule() } });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  const [byRule] = await rehearsal.tick('Test-Sweep');
  await rehearsal.tick('Janitor');

  expect(JSON.parse(byRule?.payload ?? '')).toMatchObject({
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    resources: ['arn:aws:events:us-east-1:000000000000:rule/Test-Sweep'],
  });
  expect(printed(rehearsal, 'Janitor')).toHaveLength(2);
});

test('a schedule of EventBridge Scheduler gives its own input', async () => {
  const schedule = {
    Type: 'AWS::Scheduler::Schedule',
    Properties: {
      ScheduleExpression: 'cron(0 3 * * ? *)',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: { Arn: arnOf('Janitor'), RoleArn: 'arn:aws:iam::1:role/any', Input: '{"night":true}' },
    },
  };
  using assembly = new WrittenAssembly({ functions: { Janitor: code }, resources: { Nightly: schedule } });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  await rehearsal.tick('Test-Nightly');

  expect(printed(rehearsal, 'Janitor')).toEqual([{ night: true }]);
});

test('a rule without targets invokes nothing', async () => {
  const { Properties } = rule() as { readonly Properties: JsonObject };
  const { Targets: _, ...others } = Properties;
  using assembly = new WrittenAssembly({
    functions: { Janitor: code },
    resources: { Idle: { Type: 'AWS::Events::Rule', Properties: others } },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  expect(await rehearsal.tick('Test-Idle')).toEqual([]);
});

test.for([
  { InputTransformer: { InputPathsMap: { at: '$.time' }, InputTemplate: '{"at":<at>}' } },
  { InputPath: '$.detail' },
])(
  'fails when a rule gives its function a part of the event, which a rehearsal does not take apart: %j',
  async (input) => {
    const Targets = [{ Arn: arnOf('Janitor'), Id: 'Target0', ...input }];
    using assembly = new WrittenAssembly({ functions: { Janitor: code }, resources: { Sweep: rule({ Targets }) } });

    await expect(rehearse({ assembly: assembly.directory })).rejects.toThrow(
      `Test.template.json: Sweep has a target with ${Object.keys(input)[0]}`,
    );
  },
);

test('a schedule runs by its rate, which may be shortened, unless it is disabled', async () => {
  using assembly = new WrittenAssembly({
    functions: { Janitor: code, Off: code },
    resources: { Sweep: rule(), Never: rule({ State: 'DISABLED', Targets: [{ Arn: arnOf('Off'), Id: 'Target0' }] }) },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory, timings: { scheduleSeconds: 0.05 } });

  await until(() => printed(rehearsal, 'Janitor').length >= 3);

  expect(printed(rehearsal, 'Off')).toEqual([]);
});

test.for([
  ['{"night":', 'no JSON'],
  ['{"at":"<aws.scheduler.scheduled-time>"}', '<aws.scheduler.scheduled-time>'],
] as const)('fails when the input of a schedule would not be what its function gets: %s', async ([Input, why]) => {
  const Target = { Arn: arnOf('Janitor'), RoleArn: 'arn:aws:iam::1:role/any', Input };
  const Properties = { ScheduleExpression: 'rate(1 hour)', FlexibleTimeWindow: { Mode: 'OFF' }, Target };
  using assembly = new WrittenAssembly({
    functions: { Janitor: code },
    resources: { Nightly: { Type: 'AWS::Scheduler::Schedule', Properties } },
  });

  await expect(rehearse({ assembly: assembly.directory })).rejects.toThrow(why);
});
