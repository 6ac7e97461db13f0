import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { DISABLE_ASSET_STAGING_CONTEXT } from 'aws-cdk-lib/cx-api';
import { expect, onTestFinished, test } from 'vitest';
import { Guild } from '../../lib/constructs/guild.ts';
import { defineGuild } from '../../lib/guild/define-guild.ts';
import writer from './fixtures/agents/writer.ts';
import { resourcesOf } from './stack-of.ts';

test('with --no-staging, as SAM wants it, the bundles stay where the template says that they are', () => {
  const app = new App({
    analyticsReporting: false,
    context: { [DISABLE_ASSET_STAGING_CONTEXT]: true, 'aws:cdk:enable-asset-metadata': true },
  });
  const stack = new Stack(app, 'Shop');
  new Guild(stack, 'Guild', { guild: defineGuild({ name: 'shop', agents: [writer] }) });

  const functions = [...resourcesOf(Template.fromStack(stack), 'AWS::Lambda::Function').values()];
  const paths = functions.map(({ Metadata }) => Metadata?.['aws:asset:path'] ?? '');
  onTestFinished(() => {
    for (const path of paths) rmSync(dirname(path), { recursive: true, force: true });
  });

  expect(paths.length).toBeGreaterThan(1);
  for (const path of paths) expect(existsSync(`${path}/index.mjs`), path).toBe(true);
});
