import type { Bus, Message } from 'guildwire';
import { Answer, documentOf, kindOf, kinds, Result, Task } from './guild.ts';

const PAGE = 1_000;
const WORK = 'chaos.task';

export interface Verdict {
  readonly tasks: number;
  readonly forwarded: number;
  readonly answers: number;
  readonly results: number;
  /** One line for each thing that is not as it has to be, the first of each kind. */
  readonly faults: readonly string[];
}

/** How often something is in the log. */
class Counted {
  readonly #counts = new Map<string, number>();

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  get size(): number {
    return this.#counts.size;
  }

  /** What is not there exactly once, of all that has to be. */
  faults(what: string, expected: readonly string[]): readonly string[] {
    const missing = expected.filter((name) => !this.#counts.has(name));
    const doubled = [...this.#counts].filter(([, count]) => count > 1).map(([name]) => name);
    const known = new Set(expected);
    const unknown = [...this.#counts.keys()].filter((name) => !known.has(name));
    return Object.entries({ missing, 'there more than once': doubled, 'from a task that nobody accepted': unknown })
      .filter(([, names]) => names.length > 0)
      .map(([fault, names]) => `${names.length} ${what} ${fault}: ${names.slice(0, 5).join(', ')}`);
  }
}

/** Reads all that was said: each accepted task must have led to one answer, and each four of them to one result. */
export async function judge(bus: Bus, accepted: ReadonlySet<number>): Promise<Verdict> {
  const [tasks, forwarded, answers, results] = [new Counted(), new Counted(), new Counted(), new Counted()];
  const faults: string[] = [];
  for await (const message of all(bus, 'tasks')) tasks.add(`${Task.decode(message.payload).n}`);
  for (const kind of kinds)
    for await (const { format, payload } of all(bus, `work.${kind}`))
      if (format === WORK) forwarded.add(`${Task.decode(payload).n}/${kind}`);
  for await (const { payload } of all(bus, 'answers')) {
    const { n, kind } = Answer.decode(payload);
    answers.add(`${n}/${kind}`);
  }
  for await (const { payload } of all(bus, 'results')) {
    const result = Result.decode(payload);
    results.add(`${result.document}`);
    if (new Set(result.answers).size !== kinds.length || result.answers.length !== kinds.length)
      faults.push(`the result of ${result.document} is made of ${result.answers.join(', ')}`);
  }
  const numbers = [...accepted];
  const byKind = numbers.map((n) => `${n}/${kindOf(n)}`);
  const documents = [...new Set(numbers.map((n) => `${documentOf(n)}`))];
  return {
    tasks: tasks.size,
    forwarded: forwarded.size,
    answers: answers.size,
    results: results.size,
    faults: [
      ...tasks.faults('tasks', numbers.map(String)),
      ...forwarded.faults('forwarded tasks', byKind),
      ...answers.faults('answers', byKind),
      ...results.faults('results', documents),
      ...faults.slice(0, 5),
    ],
  };
}

async function* all(bus: Bus, topic: string): AsyncGenerator<Message> {
  for (let page = await bus.read({ topic, limit: PAGE }); ; ) {
    yield* page.items;
    if (page.next === undefined) return;
    page = await bus.read({ topic, limit: PAGE, after: page.next });
  }
}
