import { expect, test } from 'vitest';
import { familiesOf } from '../../../../lib/backends/aws/aws-settings.ts';
import { directBy } from '../../../../lib/backends/aws/relay/direct.ts';
import { Routes } from '../../../../lib/backends/aws/relay/routes.ts';
import { BackendUnavailableError } from '../../../../lib/core/errors.ts';
import { familyTopicName } from '../../../../lib/environment/aws-names.ts';
import { follower, itemOf, manifestOf, messageOn, PREFIX } from './lab.ts';

const manifest = manifestOf([follower('reader', ['doc.new'])]);
const routes = new Routes({ manifest, families: familiesOf(manifest) }, PREFIX);

test('what was stored goes where the relay would send it, and rejects unless SNS took all of it', async () => {
  const sent: string[] = [];
  const down = new BackendUnavailableError('SNS is down');
  let isUp = true;
  const publish = directBy(routes, async ({ topicArn }, entries) => {
    sent.push(...entries.map(({ body }) => `${topicArn} ${JSON.parse(body).topic}`));
    return entries.map(() => (isUp ? undefined : down));
  });
  const items = [messageOn('doc.new'), messageOn('doc.other')].map((message) => itemOf(message, { isDirect: true }));

  await publish(items);
  isUp = false;
  await expect(publish(items)).rejects.toBe(down);

  expect(sent).toEqual(Array(2).fill(`${PREFIX}${familyTopicName('doc.*', false)} doc.new`));
});
