import { type Cursor, genericJson } from 'guildwire';
import { expect, test } from 'vitest';
import { TopicFamilies } from '../../lib/core/topic-family.ts';
import { MemoryLab } from './memory-lab.ts';

test('a page behind a copy that is gone meanwhile goes on with the other copies of its message', async () => {
  const families = new TopicFamilies([{ pattern: 'short', formats: [], retentionDays: 1 }], true);
  const lab = new MemoryLab({ families });
  await lab.bus.publish(['short', 'long'], genericJson, 'both');
  const first = await lab.bus.read({ pattern: '**', limit: 1 });
  expect(first.items.map(({ topic }) => topic)).toEqual(['short']);

  await lab.clock.advance(2 * 86_400_000);
  await lab.publish('sweep');
  const rest = await lab.bus.read({ pattern: '**', after: first.next as Cursor });

  expect(rest.items.map(({ topic }) => topic)).toEqual(['long', 'sweep']);
});
