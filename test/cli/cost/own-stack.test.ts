import { App, Stack } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { expect, test } from 'vitest';
import { readStack } from '../../../lib/cli/cost/deployed-stack.ts';
import { idleCost } from '../../../lib/cli/cost/idle-cost.ts';
import { DEFAULT_REGION, pricesOf } from '../../../lib/cli/cost/prices.ts';
import { Guild } from '../../../lib/constructs/guild.ts';
import guild from '../../constructs/fixtures/guild.ts';

test('every kind of resource that a guild is made of is known, and what its own key costs is told', () => {
  const app = new App({ analyticsReporting: false });
  const stack = new Stack(app, 'Shop', { env: { account: '111122223333', region: DEFAULT_REGION } });
  const authorization = { issuer: 'https://id.example.com', audience: ['shop'] };
  new Guild(stack, 'Guild', { guild, layout: 'nested', encryptionKey: new Key(stack, 'Key'), api: { authorization } });

  const { notPriced } = idleCost(readStack(app.synth().directory), pricesOf(DEFAULT_REGION).prices);

  expect(notPriced).toEqual(['18 queues and topics are encrypted with a key: requests to KMS, by use']);
});
