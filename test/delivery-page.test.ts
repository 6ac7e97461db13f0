import { readFileSync } from 'node:fs';
import { type Features, MemoryBackend } from 'guildwire';
import { expect, test } from 'vitest';
import { awsFeatures } from '../lib/backends/aws/aws-features.ts';
import { redisFeatures, redisSettings } from '../lib/backends/redis/redis-options.ts';

const page = readFileSync(new URL('../docs/delivery.md', import.meta.url), 'utf8');
const degrees = page.slice(page.indexOf('## Degrees'));

const DAY_MS = 86_400_000;
const inWords: { readonly [Name in keyof Features]?: (value: never) => string } = {
  pauseDelayMs: (ms: number) => (ms === 0 ? 'at once' : `at most ${ms / 1_000} s`),
  tailHorizonMs: (ms: number) => (ms === 0 ? 'not at all' : `${ms / 1_000} s`),
  maxAwayMs: (ms: number) => (Number.isFinite(ms) ? `${ms / DAY_MS} days` : 'any time'),
  takeoverMs: (ms: number) => `at most ${ms / 1_000} s`,
  delayPrecisionMs: (ms: number) => `at most ${ms / 1_000} s`,
  minLeaseMs: (ms: number) => `${ms} ms`,
  maxDelayMs: (ms: number) => `${ms / DAY_MS} days`,
  maxPayloadBytes: (bytes: number) => `${bytes / 2 ** 20} MB`,
  maxInlineBytes: (bytes: number) => `${bytes / 2 ** 10} KB`,
};

function written(name: keyof Features, value: unknown): string {
  const word = inWords[name];
  if (word !== undefined) return word(value as never);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.join(', ');
  return typeof value === 'number' ? value.toLocaleString('en') : String(value);
}

/** By the column's head. */
const backends: Readonly<Record<string, Features>> = {
  memory: new MemoryBackend().features,
  Redis: redisFeatures(redisSettings({})),
  AWS: awsFeatures({ tracing: false, pausedMs: 20 * 60_000, uploads: true }),
};

test.each(Object.entries(backends))(
  'the page on delivery states the degrees of %s as they are',
  (backend, features) => {
    const names = Object.keys(features) as (keyof Features)[];
    const [heads = [], ...rows] = [...degrees.matchAll(/^\|(?! ---)(.*)\|$/gm)].map(([, row = '']) =>
      row.split('|').map((cell) => cell.trim()),
    );
    const column = heads.indexOf(backend);

    const stated = rows.map((cells) => [cells[0]?.match(/(?<=\(`)\w+(?=`\))/g), cells[column]]);

    expect(column).toBeGreaterThan(0);
    expect(stated.flatMap(([about]) => about).toSorted()).toEqual(names.toSorted());
    expect(stated).toEqual(
      stated.map(([about]) => [about, (about as typeof names).map((name) => written(name, features[name])).join(', ')]),
    );
  },
);
