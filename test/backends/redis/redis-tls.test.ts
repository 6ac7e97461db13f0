import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { genericJson, InvalidArgumentError, openBus } from 'guildwire';
import { afterAll, expect, test } from 'vitest';
import { openRedisBackend, type RedisOptions } from '../../../lib/backends/redis/index.ts';
import { createCertificates } from '../../redis-server/certificates.ts';
import { complete, payloadsOf, subscriptionTo, take } from '../../redis-server/consumer.ts';
import { RedisServer } from '../../redis-server/redis-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'guildwire-certificates-'));
const { ca, certificate, key } = createCertificates();
const written = Object.entries({ ca, cert: certificate, key }).flatMap(([name, pem]) => {
  const path = join(folder, `${name}.pem`);
  writeFileSync(path, pem);
  return [name === 'ca' ? '--tls-ca-cert-file' : `--tls-${name}-file`, path];
});
const encrypted = await RedisServer.start(
  ['--save', '', '--tls-auth-clients', 'no', '--requirepass', 's3cret', ...written],
  true,
);
const plain = await RedisServer.start();
afterAll(async () => {
  await encrypted[Symbol.asyncDispose]();
  await plain[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const url = `rediss://:s3cret@127.0.0.1:${encrypted.port}`;

async function failure(at: string, options: RedisOptions = {}): Promise<unknown> {
  await using backend = await openRedisBackend(at, { timeoutMs: 1_500, ...options });
  const bus = openBus(backend, { sender: 'user:test' });
  return await bus.publish('a', genericJson, 1).catch((error: unknown) => error);
}

test('over TLS everything works, with the CA that signed the certificate of the server', async () => {
  await using backend = await openRedisBackend(url, { tls: { ca } });
  const bus = openBus(backend, { namespace: 'tls', sender: 'user:test' });
  await backend.subscribe(subscriptionTo('tls'));

  const waiting = take(backend, 'tls', 1, 5_000);
  await bus.publish('a', genericJson, 'secret');
  const leases = await waiting;

  expect(payloadsOf(leases)).toEqual(['secret']);
  expect(await complete(backend, leases)).toEqual([true]);
});

test('a certificate that is not trusted, or is of another host, is refused at once, and repeating is no help', async () => {
  const began = performance.now();
  const untrusted = await failure(url, { timeoutMs: 20_000 });
  const wrongCa = await failure(url, { timeoutMs: 20_000, tls: { ca: createCertificates().ca } });
  const otherHost = await failure(url, { timeoutMs: 20_000, tls: { ca, servername: 'redis.example' } });

  for (const error of [untrusted, wrongCa, otherHost]) {
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error).toMatchObject({ retryable: false });
    expect(String(error)).toMatch(/certificate that is not trusted here .*NODE_EXTRA_CA_CERTS/);
  }
  expect(performance.now() - began).toBeLessThan(20_000);
});

test('where only one side speaks TLS, the error says so', async () => {
  const spoken = await failure(`redis://:s3cret@127.0.0.1:${encrypted.port}`);
  const asked = await failure(`rediss://127.0.0.1:${plain.port}`, { tls: { ca } });

  expect(spoken).toMatchObject({ code: 'BACKEND_UNAVAILABLE', retryable: true });
  expect(String(spoken)).toMatch(/if it wants TLS, open it by rediss:/);
  expect(String(asked)).toMatch(/if it does not speak TLS, open it by redis:/);
  for (const error of [spoken, asked]) expect(String(error)).not.toContain('s3cret');
});
