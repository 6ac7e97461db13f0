import type { Redis } from 'ioredis';
import { testSeed } from '../../lib/environment/variables.ts';
import { seededRandom } from '../../lib/testing/random.ts';
import { wait } from './consumer.ts';

/**
 * Cuts all connections for commands but that of `admin`, again and again, until what it gives is called.
 *
 * @param pauseMs The shortest and the longest pause between two cuts; the seed of what is drawn is printed.
 */
export function cutConnections(admin: Redis, pauseMs: readonly [number, number]): () => Promise<void> {
  const seed = testSeed() ?? Math.floor(Math.random() * 2 ** 32);
  console.info(`GUILDWIRE_TEST_SEED=${seed}`);
  const random = seededRandom(seed);
  const [shortest, longest] = pauseMs;
  let isOver = false;
  const cutting = (async () => {
    while (!isOver) {
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await wait(shortest + random() * (longest - shortest));
    }
  })();
  return async () => {
    isOver = true;
    await cutting;
  };
}
