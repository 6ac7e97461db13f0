import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack, Validations } from 'aws-cdk-lib';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, expect, test } from 'vitest';
import { Guild } from '../../lib/constructs/guild.ts';
import guild from './fixtures/guild.ts';

const outdir = mkdtempSync(join(tmpdir(), 'guildwire-nag-'));
const { exitCode } = process;
afterAll(() => {
  rmSync(outdir, { recursive: true, force: true });
  process.exitCode = exitCode;
});

const app = new App({ outdir: join(outdir, 'guilds'), analyticsReporting: false });
for (const layout of ['flat', 'nested'] as const) {
  const stack = new Stack(app, layout);
  new Guild(stack, 'Guild', { guild, layout, agents: { thinker: { lanes: true } } });
}
const env = { region: 'eu-central-1', account: '111122223333' };
new Guild(new Stack(app, 'somewhere', { env }), 'Guild', { guild });

const check = (checked: App) => {
  Validations.of(checked).addPlugins(new AwsSolutionsChecks(checked));
  return checked.synth();
};

test("a guild breaks none of AWS's rules but those that it acknowledges", () => {
  const control = new App({ outdir: join(outdir, 'control'), analyticsReporting: false });
  new Queue(new Stack(control, 'Control'), 'Bare');

  expect(() => check(control)).toThrow(/AwsSolutions-SQS4/);
  expect(check(app).stacks).toHaveLength(3);
});

test('what it acknowledges is few rules, each with its reason', () => {
  const acknowledged = app.node.findAll().flatMap(({ node }) =>
    node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) => Object.entries(data as Readonly<Record<string, string>>))
      .map(([rule, reason]) => [rule.replace(/^Annotation::|\[.*\]$/g, ''), reason] as const),
  );

  expect(new Set(acknowledged.map((each) => each.join(': ')))).toEqual(
    new Set([
      'AwsSolutions-S1: each object is named by what it holds, and functions that write, or give out places to write to, are logged',
      'AwsSolutions-IAM5: a role reads and writes all attachments of a namespace, whose names are what they hold',
      'AwsSolutions-IAM5: a role that pauses agents turns off the event sources that bear the tag of its guild',
    ]),
  );
});
