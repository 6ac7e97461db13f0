/** @module A bill as a person reads it, in up to 100 columns. */
import type { Io } from '../io.ts';
import { toTable } from '../views/table.ts';
import { toDollars, toFormula, toQuantity } from './cost-line.ts';
import { COMPRESSED } from './message-cost.ts';
import type { CostReport, Part, ReportedWorkload, ResourceCount } from './report.ts';

const WIDTH = 100;
const FIRST_COLUMNS = 38;

export function toText(report: CostReport, { paint }: Pick<Io, 'paint'>): readonly string[] {
  const { stack, region, pricesOf, idle, million, adds, goals, observed, notPriced } = report;
  const title = (text: string) => ['', paint('bold', text)];
  const count = report.resources.reduce((sum, resource) => sum + resource.count, 0);
  const priced = (usd: number, text: string) => `  ${toDollars(usd).padStart(8)}  ${text}`;
  return [
    `${paint('bold', stack)}: ${count} resources; prices of ${region} on ${pricesOf}, without free tiers`,
    ...title('Resources'),
    ...toTable(report.resources.map((resource) => rowOf(resource))),
    ...title('A month in which nobody says anything'),
    ...partLines(idle),
    priced(idle.usd, 'a month'),
    ...title('A million messages'),
    ...inputsOf(report.workload),
    ...(observed === undefined ? [] : title('Reckoned')),
    ...partLines(million.bus, 'bus'),
    ...partLines(million.edge, 'HTTP API'),
    ...partLines(million.agents, 'agents'),
    priced(million.usd, 'to send and handle a million'),
    ...partLines(million.kept, 'to keep them'),
    ...(observed === undefined
      ? []
      : [
          ...title(`Counted: a million at the rate of ${observed.messages.toLocaleString('en')} messages`),
          ...partLines(observed),
          priced(observed.usd, 'a million'),
        ]),
    ...title('What each adds to a million: to one exactly-once agent, with messages and batches as above'),
    ...adds.map(({ usd, what }) => priced(usd, what)),
    ...title('What is promised: a million of 1 KB, in batches of 10, without the thread index'),
    ...goals.map(({ usd, maxUsd, what, isKept }) =>
      priced(usd, `${what}: ${paint(isKept ? 'green' : 'red', isKept ? 'within' : 'MORE THAN')} $${maxUsd.toFixed(2)}`),
    ),
    ...(notPriced.length === 0
      ? []
      : [...title('In none of these sums'), ...notPriced.map((each) => `  not priced: ${each}`)]),
  ];
}

const costs: Readonly<Record<ResourceCount['costs'], string>> = {
  unknown: 'not priced',
  idle: 'also when idle',
  use: 'by use',
  nothing: 'nothing',
};

function rowOf(resource: ResourceCount): readonly string[] {
  return [String(resource.count).padStart(5), resource.kind ?? resource.type, costs[resource.costs]];
}

function partLines({ usd, lines }: Part, name?: string): readonly string[] {
  if (lines.length === 0) return [];
  return [
    ...(name === undefined ? [] : [`  ${toDollars(usd).padStart(8)}  ${name}, of it`]),
    ...lines.flatMap((line) => {
      const formula = `${toFormula(line.quantity, line.price)}: ${line.because}`;
      const head = `${name === undefined ? '  ' : '    '}${toDollars(line.usd).padStart(8)}  ${line.what}`;
      const margin = ' '.repeat(FIRST_COLUMNS);
      const [first = '', ...more] = wrapped(formula, WIDTH - FIRST_COLUMNS - 2);
      // A name of somebody else's making has a line to itself.
      const begin =
        head.length > FIRST_COLUMNS ? [head, `${margin}  ${first}`] : [`${head.padEnd(FIRST_COLUMNS)}  ${first}`];
      return [...begin, ...more.map((text) => `${margin}  ${text}`)];
    }),
  ];
}

function inputsOf(workload: ReportedWorkload): readonly string[] {
  const { messageKb, fanOut, batch, outputs, handlerMs, threads, tracing, isViaApi, isDirect, deliveries } = workload;
  const shareOf = (isMeant: (terms: (typeof deliveries)[number]) => boolean) =>
    `${Math.round(deliveries.filter(isMeant).reduce((sum, { share }) => sum + share, 0) * 100)} %`;
  const memories = [...new Set(deliveries.map(({ memoryMb }) => memoryMb))].toSorted((a, b) => a - b);
  const rows = [
    ['message', `${toQuantity(messageKb)} KB of payload as JSON`, '--message-kb'],
    ['compression', `to ${COMPRESSED * 100} % where that saves a write unit, as taken for prose`, ''],
    ['fan-out', `${toQuantity(fanOut)} ${fanOut === 1 ? 'agent gets' : 'agents get'} each`, '--fan-out'],
    ['batches', `${batch} at once, where an event source takes so many`, '--batch'],
    ['exactly-once', `${shareOf(({ guarantee }) => guarantee === 'exactly-once')} of deliveries`, '--exactly-once'],
    ['with a lease', `${shareOf(({ lease }) => lease)} of deliveries`, '--leases'],
    ['outputs', `${toQuantity(outputs)} a delivery`, '--outputs'],
    ['handler', `${handlerMs} ms at ${memories.join(', ')} MB`, '--handler-ms, --memory-mb'],
    ['thread index', threads ? 'on' : 'off', '--threads'],
    ['tracing', tracing ? 'on' : 'off', '--tracing'],
    ['publishing', publishing(isViaApi, isDirect), '--via'],
  ];
  return toTable(rows.map(([name = '', value = '', flag = '']) => [`  ${name}`, value, flag]));
}

function publishing(isViaApi: boolean, isDirect: boolean): string {
  if (isViaApi) return 'through the HTTP API';
  return isDirect ? 'into the log, and to SNS at once' : 'into the log';
}

/** In lines of so many characters, broken at spaces. */
function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
