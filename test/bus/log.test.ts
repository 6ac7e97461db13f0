import { genericJson, type Log, MemoryBackend, openBus } from 'guildwire';
import { logging } from 'guildwire/middleware';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { stderrLog, unfailing } from '../../lib/bus/log.ts';
import { turns } from '../guild/lab.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** What a call writes to standard error, line by line. */
function linesOf(say: () => void): readonly unknown[] {
  const lines: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => lines.push(String(text)) > 0);
  say();
  return lines.map((line) => JSON.parse(line));
}

const circle: { self?: unknown } = {};
circle.self = circle;

describe('the log on standard error', () => {
  test('says what an error is, wherever it stands', () => {
    const lines = linesOf(() => stderrLog.warn('no luck', { error: new TypeError('odd'), all: [new Error('second')] }));

    expect(lines).toEqual([
      {
        ...{ level: 'warn', text: 'no luck' },
        error: expect.objectContaining({ name: 'TypeError', message: 'odd', stack: expect.any(String) }),
        all: [expect.objectContaining({ message: 'second' })],
      },
    ]);
  });

  test('writes the line also where what is said besides is no JSON', () => {
    const lines = linesOf(() => {
      stderrLog.info('tokens', { used: 12n });
      stderrLog.info('circle', circle);
    });

    expect(lines).toEqual([
      { level: 'info', text: 'tokens', used: '12' },
      { level: 'info', text: 'circle', unwritable: expect.stringContaining('circular') },
    ]);
  });
});

const failing = (fail: () => void): Log => ({ debug: fail, info: fail, warn: fail, error: fail });

test('a message that was stored is published, whatever the log of the bus throws', async () => {
  await using backend = new MemoryBackend();
  const log = failing(() => {
    throw new Error('disk full');
  });
  const bus = openBus(backend, { sender: 'user:ada', log, use: [logging()] });

  const id = await bus.publish('in', genericJson, 1);

  expect((await bus.read({ topic: 'in' })).items.map((message) => message.id)).toEqual([id]);
});

test('a log that fails later does not bring the process down', async () => {
  const rejected: unknown[] = [];
  const onRejection = (reason: unknown) => rejected.push(reason);
  process.on('unhandledRejection', onRejection);

  unfailing(failing(async () => Promise.reject(new Error('disk full')))).info('said');
  await turns();
  process.off('unhandledRejection', onRejection);

  expect(rejected).toEqual([]);
});
