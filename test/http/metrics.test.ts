import { genericJson, MemoryBackend, openBus } from 'guildwire';
import { bearerToken, createHttpApp, Metrics, metered } from 'guildwire/http';
import { describe, expect, test } from 'vitest';
import { docGuild, HttpLab, NS } from './lab.ts';

/** Samples by their name and labels. */
async function scraped(lab: HttpLab, headers: Readonly<Record<string, string>> = {}): Promise<Record<string, number>> {
  const { status, headers: answered, body } = await lab.ask<string>('/metrics', { headers });
  expect(status).toBe(200);
  expect(answered.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
  );
}

const of = (agent: string, topic: string) => `{namespace="default",agent="${agent}",topic="${topic}"`;

describe('metrics', () => {
  test('count what is published, delivered, handled, failed, retried and dead', async () => {
    await using lab = new HttpLab({ guild: docGuild });
    await lab.start();
    for (const text of ['x', 'y', 'bad']) await lab.publish('doc.tasks', { text }, { format: 'doc.task' });
    await lab.publish('doc.tasks', 1, { idempotencyKey: 'k', topics: ['doc.also'] });
    await lab.publish('doc.tasks', 1, { idempotencyKey: 'k', topics: ['doc.also'] });
    await lab.clock.quiet();

    const samples = await scraped(lab);

    expect(samples).toMatchObject({
      'guildwire_messages_published_total{namespace="default",topic="doc.tasks"}': 4,
      'guildwire_messages_published_total{namespace="default",topic="doc.also"}': 1,
      'guildwire_messages_published_total{namespace="default",topic="doc.results"}': 2,
      [`guildwire_deliveries_delivered_total${of('worker', 'doc.tasks')}}`]: 5,
      [`guildwire_deliveries_handled_total${of('worker', 'doc.tasks')}}`]: 2,
      [`guildwire_deliveries_failed_total${of('worker', 'doc.tasks')}}`]: 2,
      [`guildwire_deliveries_retried_total${of('worker', 'doc.tasks')}}`]: 1,
      [`guildwire_deliveries_dead_lettered_total${of('worker', 'doc.tasks')},reason="failed"}`]: 1,
      [`guildwire_deliveries_dropped_total${of('worker', 'doc.tasks')},reason="no-handler"}`]: 1,
      [`guildwire_handler_seconds_count${of('worker', 'doc.tasks')}}`]: 4,
      [`guildwire_handler_seconds_bucket${of('worker', 'doc.tasks')},le="0.005"}`]: 4,
      [`guildwire_handler_seconds_bucket${of('worker', 'doc.tasks')},le="+Inf"}`]: 4,
      'guildwire_dead_letters{namespace="default",agent="worker"}': 1,
      'guildwire_deliveries_waiting{namespace="default",agent="worker"}': 0,
      'guildwire_http_requests_total{route="publish",status="202"}': 5,
      guildwire_http_streams: 0,
    });
  });

  test('tell what waits now, and for how long', async () => {
    await using lab = new HttpLab({ guild: docGuild });
    await lab.start();
    await lab.ask(`${NS}/agents/worker/pause`, { method: 'POST' });
    await lab.publish('doc.tasks', { text: 'x' }, { format: 'doc.task' });
    await lab.clock.advance(90_000);
    await lab.publish('doc.tasks', { text: 'y' }, { format: 'doc.task' });

    expect(await scraped(lab)).toMatchObject({
      'guildwire_deliveries_waiting{namespace="default",agent="worker"}': 2,
      'guildwire_oldest_waiting_seconds{namespace="default",agent="worker"}': 90,
      'guildwire_oldest_waiting_seconds{namespace="default",agent="reader"}': 0,
      'guildwire_agent_paused{namespace="default",agent="worker"}': 1,
    });
  });

  test('tell of every namespace in which the process works, but nobody of one that is not theirs', async () => {
    const tokens = [
      { id: 'all', token: 'all-of-the-namespaces' },
      { id: 'one', token: 'only-one-namespace', namespaces: ['n1'] },
    ];
    await using lab = new HttpLab({ guild: docGuild, authenticate: bearerToken(tokens) });
    await lab.start(docGuild, 'n1');
    await lab.start(docGuild, 'n2');
    const seen = async (token: string) =>
      Object.keys(await scraped(lab, { authorization: `Bearer ${token}` })).filter((name) => name.includes('paused'));

    expect(await seen('all-of-the-namespaces')).toEqual(
      [
        'guildwire_agent_paused{namespace="n1",agent="worker"}',
        'guildwire_agent_paused{namespace="n1",agent="reader"}',
        'guildwire_agent_paused{namespace="n2",agent="worker"}',
        'guildwire_agent_paused{namespace="n2",agent="reader"}',
      ].toSorted((one, other) => one.indexOf('n') - other.indexOf('n')),
    );
    expect((await seen('only-one-namespace')).every((name) => name.includes('"n1"'))).toBe(true);
    const ofOne = await scraped(lab, { authorization: 'Bearer only-one-namespace' });
    expect(Object.keys(ofOne).some((name) => name.includes('http_requests'))).toBe(false);
  });

  test('of a backend that is not metered are those that it tells itself', async () => {
    await using backend = new MemoryBackend();
    const app = createHttpApp({ backend });
    const text = await (await app.request('/metrics')).text();

    expect(text).toContain('guildwire_deliveries_waiting');
    expect(text).not.toContain('guildwire_messages_published_total');
  });

  test('tell at most so many combinations of labels apart, and escape them', async () => {
    const metrics = new Metrics();
    await using backend = metered(new MemoryBackend(), metrics);
    const bus = openBus(backend, { sender: 'user:test' });
    for (let n = 0; n < 1_010; n++) await bus.publish(`topic-${n}`, genericJson, n);

    const published = metrics.lines().filter((line) => line.startsWith('guildwire_messages_published_total{'));

    expect(published).toHaveLength(1_001);
    expect(published.at(-1)).toBe('guildwire_messages_published_total{namespace="_other",topic="_other"} 10');
  });

  test('count all replies together, since each request has a topic of its own', async () => {
    const metrics = new Metrics();

    metrics.published('n', ['$reply.1']);
    metrics.published('n', ['$reply.2']);

    expect(metrics.lines()).toContain('guildwire_messages_published_total{namespace="n",topic="$reply"} 2');
  });
});
