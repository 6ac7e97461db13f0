import { createGemstoneIdGenerator, Priority } from 'guildwire';
import { monotonicFactory } from 'ulid';
import type { Case } from './rounds.ts';

/** What the loops make, so that the engine cannot leave it out. */
export const made = { id: '' };

export function idCases(): readonly Case[] {
  const ulid = monotonicFactory();
  const ids = createGemstoneIdGenerator(Date.now);
  return [
    {
      name: 'ulid monotonicFactory',
      count: 20_000,
      run: (count) => {
        for (let n = 0; n < count; n++) made.id = ulid();
      },
    },
    {
      name: 'gemstone id',
      count: 20_000,
      run: (count) => {
        for (let n = 0; n < count; n++) made.id = ids.next(Priority.NORMAL);
      },
    },
  ];
}
