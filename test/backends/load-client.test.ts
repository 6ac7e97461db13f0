import { expect, test } from 'vitest';
import { loadClient } from '../../lib/backends/load-client.ts';

const missing = (name: string) =>
  Object.assign(new Error(`Cannot find package '${name}' imported from /somewhere`), { code: 'ERR_MODULE_NOT_FOUND' });

test('a client that is not installed is told by its name, with what to do', async () => {
  const loading = loadClient('@aws-sdk/client-sns', () => Promise.reject(missing('@aws-sdk/client-sns')));

  await expect(loading).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', retryable: false });
  await expect(loading).rejects.toThrow('npm install @aws-sdk/client-sns');
});

test('any other failure of its loading is thrown as it is', async () => {
  const other = missing('@smithy/core');

  await expect(loadClient('@aws-sdk/client-sns', () => Promise.reject(other))).rejects.toBe(other);
});
