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

const check = (checked: App) => {
  Validations.of(checked).addPlugins(new AwsSolutionsChecks(checked));
  return checked.synth();
};

test("a guild breaks none of AWS's rules but those that it acknowledges", () => {
  const control = new App({ outdir: join(outdir, 'control'), analyticsReporting: false });
  new Queue(new Stack(control, 'Control'), 'Bare');

  expect(() => check(control)).toThrow(/AwsSolutions-SQS4/);
  expect(check(app).stacks).toHaveLength(2);
});

test('what it acknowledges is few rules, each with its reason', () => {
  const acknowledged = app.node.findAll().flatMap(({ node }) =>
    node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) => Object.entries(data as Readonly<Record<string, string>>))
      .map(([rule, reason]) => [rule.replace(/^Annotation::|\[.*\]$/g, ''), reason] as const),
  );

  expect(Object.fromEntries(acknowledged)).toEqual({
    'AwsSolutions-S1': 'every object is named by a message, and each access by a logged function',
    'AwsSolutions-IAM5': 'a role reads and writes all attachments of a namespace, whose names are what they hold',
  });
});
