import { describe, expect, test } from 'vitest';
import { FragileBackend } from '../../lib/testing/chaos/fragile-backend.ts';
import { HttpLab } from './lab.ts';

test('a process that answers is alive, whatever its backend does', async () => {
  await using lab = new HttpLab({
    wrap: (backend) => {
      const fragile = new FragileBackend(backend);
      fragile.down();
      return fragile;
    },
  });

  expect(await lab.ask('/health/live')).toMatchObject({ status: 200, body: { status: 'alive' } });
});

describe('the app', () => {
  test('is ready while everything can be reached, and told of each', async () => {
    await using lab = new HttpLab({ dependencies: { mail: async () => {} } });

    const { status, body } = await lab.ask('/health/ready?probe=1');

    expect(status).toBe(200);
    expect(body).toEqual({
      status: 'ready',
      dependencies: { backend: { status: 'up', ms: 0 }, mail: { status: 'up', ms: 0 } },
    });
  });

  test('is not ready while its backend cannot be reached, and is again afterwards', async () => {
    let fragile: FragileBackend | undefined;
    await using lab = new HttpLab({
      wrap: (backend) => {
        fragile = new FragileBackend(backend);
        return fragile;
      },
    });
    fragile?.down();
    const down = await lab.ask('/health/ready');
    fragile?.up();
    const up = await lab.ask('/health/ready');

    expect(down).toMatchObject({
      status: 503,
      body: { status: 'not ready', dependencies: { backend: { status: 'down', code: 'BACKEND_UNAVAILABLE' } } },
    });
    expect(up.status).toBe(200);
  });

  test('tells no more of what failed than its code, since anybody may ask', async () => {
    await using lab = new HttpLab({
      dependencies: {
        mail: async () => {
          throw new Error('password tuna refused');
        },
        // An author may forget to make it asynchronous.
        disk: () => {
          throw new Error('full');
        },
      },
    });

    const { status, body } = await lab.ask('/health/ready');

    expect(status).toBe(503);
    expect(JSON.stringify(body)).not.toMatch(/tuna/);
    expect(body).toMatchObject({ dependencies: { mail: { code: 'FAILED' }, disk: { code: 'FAILED' } } });
  });

  test('waits two seconds for what does not answer', async () => {
    await using lab = new HttpLab({ dependencies: { mail: () => new Promise(() => {}) } });

    const { status, body } = await lab.clock.runUntil(lab.ask('/health/ready'));

    expect(status).toBe(503);
    expect(body).toMatchObject({ dependencies: { mail: { status: 'down', ms: 2_000, code: 'TIMED_OUT' } } });
  });

  test('is not ready while it closes', async () => {
    await using lab = new HttpLab();
    await lab.app.close();

    expect(await lab.ask('/health/ready')).toMatchObject({ status: 503, body: { status: 'closing' } });
    expect((await lab.ask('/health/live')).status).toBe(200);
  });
});
