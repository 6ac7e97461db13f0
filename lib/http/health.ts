/** @module Whether everything that the app needs can be reached. */
import { DEFAULT_NAMESPACE } from '../bus/bus.ts';
import { orAborted } from '../core/clock.ts';
import { firstIdOf } from '../core/gemstone-id.ts';
import { TimedOutError } from './http-errors.ts';
import { isTold } from './problems.ts';
import type { Health } from './schemas/answers.ts';
import type { Services } from './services.ts';

/** What takes longer counts as down: whoever asks waits no longer either. */
const TIMEOUT_MS = 2_000;

export async function checkHealth(services: Services): Promise<Health> {
  const { backend, dependencies, streams, settings } = services;
  // The cheapest question that a store has to be reached for, in a namespace that we may ask about.
  const namespace = settings.namespaces?.[0] ?? DEFAULT_NAMESPACE;
  const where = { references: [{ topic: '$topics', id: firstIdOf(0) }] };
  const reach = () => backend.read({ namespace, where, order: 'id', limit: 1 });
  const checks = Object.entries({ backend: reach, ...dependencies });
  const looked = await Promise.all(checks.map(async ([name, check]) => [name, await look(services, check)] as const));
  const isUp = looked.every(([, { status }]) => status === 'up');
  const status = streams.isClosing ? 'closing' : isUp ? 'ready' : 'not ready';
  return { status, dependencies: Object.fromEntries(looked) };
}

/** Anybody may ask, so no more is told of an error than its code. */
async function look({ clock }: Services, check: () => Promise<unknown>): Promise<Health['dependencies'][string]> {
  const startedAt = clock.now();
  const late = new AbortController();
  const timer = clock.setTimer(TIMEOUT_MS, () => late.abort(new TimedOutError(TIMEOUT_MS)));
  try {
    await orAborted(new Promise((resolve) => resolve(check())), late.signal);
    return { status: 'up', ms: clock.now() - startedAt };
  } catch (error) {
    return { status: 'down', ms: clock.now() - startedAt, code: isTold(error) ? error.code : 'FAILED' };
  } finally {
    timer.cancel();
  }
}
