/** How everything here is measured: in rounds, every case in every round, in another order each time. */

export interface Case {
  readonly name: string;
  /** Does the work `count` times. */
  readonly run: (count: number) => void | Promise<void>;
  readonly count: number;
  /** Makes what the next round needs; not measured. */
  readonly prepare?: () => void | Promise<void>;
}

export interface Measured {
  readonly name: string;
  /** Of one piece of work, in each round. */
  readonly nanoseconds: readonly number[];
}

/** @param warmUp Rounds that are run and not counted, until the engine has compiled what is hot. */
export async function measure(cases: readonly Case[], rounds: number, warmUp: number): Promise<readonly Measured[]> {
  const measured = cases.map(({ name }) => ({ name, nanoseconds: [] as number[] }));
  for (let round = -warmUp; round < rounds; round++) {
    for (const index of shuffled(cases.length)) {
      const { run, count, prepare } = cases[index] as Case;
      await prepare?.();
      const startedAt = performance.now();
      await run(count);
      const each = ((performance.now() - startedAt) * 1e6) / count;
      if (round >= 0) measured[index]?.nanoseconds.push(each);
    }
  }
  return measured;
}

/** How many times faster `name` is than `reference`: the median over the rounds, and its lower and upper quartile. */
export function ratio(
  measured: readonly Measured[],
  reference: string,
  name: string,
): readonly [number, number, number] {
  const of = (wanted: string) => {
    const found = measured.find((each) => each.name === wanted);
    if (found === undefined) throw new Error(`no case is called ${wanted}`);
    return found.nanoseconds;
  };
  const other = of(name);
  const ratios = of(reference)
    .map((nanoseconds, round) => nanoseconds / (other[round] as number))
    .toSorted((one, two) => one - two);
  const at = (part: number) => ratios[Math.floor((ratios.length - 1) * part)] as number;
  return [at(0.5), at(0.25), at(0.75)];
}

export function medianOf({ nanoseconds }: Measured): number {
  return nanoseconds.toSorted((one, other) => one - other)[nanoseconds.length >> 1] as number;
}

function shuffled(length: number): readonly number[] {
  const order = Array.from({ length }, (_, index) => index);
  for (let last = length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [order[last], order[other]] = [order[other] as number, order[last] as number];
  }
  return order;
}
