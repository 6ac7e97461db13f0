import { readFileSync } from 'node:fs';
import { type Features, MemoryBackend } from 'guildwire';
import { expect, test } from 'vitest';

const page = readFileSync(new URL('../docs/delivery.md', import.meta.url), 'utf8');
const degrees = page.slice(page.indexOf('## Degrees'));

const DAY_MS = 86_400_000;
const inWords: { readonly [Name in keyof Features]?: (value: never) => string } = {
  pauseDelayMs: (ms: number) => (ms === 0 ? 'at once' : `${ms} ms`),
  tailHorizonMs: (ms: number) => (ms === 0 ? 'not at all' : `${ms} ms`),
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

test('the page on delivery states the degrees of the memory backend as they are', async () => {
  await using backend = new MemoryBackend();
  const names = Object.keys(backend.features) as (keyof Features)[];
  const rows = [...degrees.matchAll(/^\| (?!---)(?<about>.*`.*) \| (?<memory>.*) \|$/gm)].map(({ groups }) => groups);

  const stated = rows.map((row) => [row?.about?.match(/(?<=\(`)\w+(?=`\))/g), row?.memory]);

  expect(stated.flatMap(([about]) => about).toSorted()).toEqual(names.toSorted());
  expect(stated).toEqual(
    stated.map(([about]) => [
      about,
      (about as typeof names).map((name) => written(name, backend.features[name])).join(', '),
    ]),
  );
});
