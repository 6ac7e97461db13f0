/** @module Counters and histograms by label, in the text format of Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/). */

/** Combinations of labels that one metric tells apart; what comes later is counted under `_other`. */
const MAX_SERIES = 1_000;
const OTHER = '_other';

/** Between two label values in a key; no name of Guildwire has it. */
const GAP = '\n';

export interface Description {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** Only the samples whose labels pass are told. */
export type Shows = (labels: Readonly<Record<string, string>>) => boolean;

const escaped = (value: string) =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n').replaceAll('\r', '\\n');

/** One sample as a line. */
export function sampleLine(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const listed = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return listed.length === 0 ? `${name} ${value}` : `${name}{${listed.join(',')}} ${value}`;
}

export function headerLines(name: string, help: string, type: 'counter' | 'gauge' | 'histogram'): readonly string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

abstract class Series<Value> {
  readonly description: Description;
  readonly #values = new Map<string, Value>();

  constructor(description: Description) {
    this.description = description;
  }

  protected abstract begin(): Value;

  /** What belongs to these label values, in the order of the labels. */
  protected of(values: readonly string[]): Value {
    const key = values.join(GAP);
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const isFull = this.#values.size >= MAX_SERIES;
    const kept = isFull ? values.map(() => OTHER).join(GAP) : key;
    const value = this.#values.get(kept) ?? this.begin();
    this.#values.set(kept, value);
    return value;
  }

  protected *shown(shows: Shows): Iterable<readonly [labels: Readonly<Record<string, string>>, value: Value]> {
    for (const [key, value] of this.#values) {
      const parts = key.split(GAP);
      const labels = Object.fromEntries(this.description.labels.map((label, index) => [label, parts[index] ?? '']));
      if (shows(labels)) yield [labels, value];
    }
  }
}

/** What only grows. */
export class Counter extends Series<{ count: number }> {
  /** @param values In the order of the labels. */
  add(...values: readonly string[]): void {
    this.of(values).count++;
  }

  lines(shows: Shows): readonly string[] {
    const { name, help } = this.description;
    const samples = [...this.shown(shows)].map(([labels, { count }]) => sampleLine(name, labels, count));
    return [...headerLines(name, help, 'counter'), ...samples];
  }

  protected override begin(): { count: number } {
    return { count: 0 };
  }
}

interface Distribution {
  readonly counts: number[];
  sum: number;
  count: number;
}

/** How long things took, in seconds. */
export class Histogram extends Series<Distribution> {
  readonly #bounds: readonly number[];

  /** @param bounds The upper bounds of the buckets, ascending. */
  constructor(description: Description, bounds: readonly number[]) {
    super(description);
    this.#bounds = bounds;
  }

  /** @param values In the order of the labels. */
  observe(seconds: number, ...values: readonly string[]): void {
    const distribution = this.of(values);
    const bucket = this.#bounds.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) distribution.counts[bucket] = (distribution.counts[bucket] ?? 0) + 1;
    distribution.sum += seconds;
    distribution.count++;
  }

  lines(shows: Shows): readonly string[] {
    const { name, help } = this.description;
    const lines = [...headerLines(name, help, 'histogram')];
    for (const [labels, { counts, sum, count }] of this.shown(shows)) {
      let below = 0;
      for (const [index, bound] of this.#bounds.entries()) {
        below += counts[index] ?? 0;
        lines.push(sampleLine(`${name}_bucket`, { ...labels, le: String(bound) }, below));
      }
      lines.push(sampleLine(`${name}_bucket`, { ...labels, le: '+Inf' }, count));
      lines.push(sampleLine(`${name}_sum`, labels, sum), sampleLine(`${name}_count`, labels, count));
    }
    return lines;
  }

  protected override begin(): Distribution {
    return { counts: this.#bounds.map(() => 0), sum: 0, count: 0 };
  }
}
