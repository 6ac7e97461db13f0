/** @module One of many generators that start at once: a thread, which posts its ids. */
import { parentPort, workerData } from 'node:worker_threads';
import { createGemstoneIdGenerator, Priority } from '../../lib/core/gemstone-id.ts';

// The clock stands still, so that only randomness keeps the generators apart.
const generator = createGemstoneIdGenerator(() => 1_700_000_000_000);
const { count } = workerData as { readonly count: number };
parentPort?.postMessage(Array.from({ length: count }, () => generator.next(Priority.NORMAL)));
