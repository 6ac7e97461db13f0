import { BackendUnavailableError, genericJson, openBackend, openBus } from 'guildwire';
import { expect, test } from 'vitest';

test('a shared backend cannot be used by who closed it, while others go on', async () => {
  const [mine, theirs] = [await openBackend('memory:closed-1'), await openBackend('memory:closed-1')];

  await mine[Symbol.asyncDispose]();

  await expect(mine.stats('default')).rejects.toBeInstanceOf(BackendUnavailableError);
  await expect(openBus(mine, { sender: 'user:x' }).publish('a', genericJson, 1)).rejects.toBeInstanceOf(
    BackendUnavailableError,
  );
  expect(await theirs.stats('default')).toEqual([]);
  await theirs[Symbol.asyncDispose]();
});

test.each(['mysql:ada:s3cret@host', 'mysql://host?password=s3cret', 'mysql://ada:s3cret\n@host', 'ada:s3cret@host'])(
  'a password in a URL of no known kind never shows, however it is written: %j',
  async (url) => {
    const error = await openBackend(url).catch((thrown: unknown) => thrown);

    expect(String(error)).not.toContain('s3cret');
  },
);
