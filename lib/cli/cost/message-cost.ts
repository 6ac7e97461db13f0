/**
 * @module What a million messages cost, line by line. The numbers of requests and units are those of the AWS backend: what it
 * writes where is said in `backends/aws/log/item.ts`, `backends/aws/ledger/delivery-rows.ts` and `ends.ts`.
 */
import { type CostLine, toLine, toQuantity } from './cost-line.ts';
import type { PriceName, Prices } from './prices.ts';
import type { DeliveryTerms, Workload } from './workload.ts';

export interface MessageCost {
  /** Store, relay and queues: what every message costs, whoever handles it. */
  readonly bus: readonly CostLine[];
  /** The HTTP API and its function. */
  readonly edge: readonly CostLine[];
  /** Functions of agents, and what they write down. */
  readonly agents: readonly CostLine[];
  /** What is stored until it expires; not part of the price of sending. */
  readonly kept: readonly CostLine[];
}

const N = 1_000_000;
const KB = 1_024;
const GB = 1_024 ** 3;
const CHUNK = 64 * KB;
/** Besides its payload: sender, format, thread and steps of an agent's message. */
const ENVELOPE_BYTES = 400;
/** Besides the body: see `backends/aws/log/item.ts`. */
const ITEM_BYTES = 107;
/** Besides the body, on its way through SNS and SQS: head and nine attributes. */
const ENTRY_BYTES = 350;
const MAX_ENTRY_BYTES = 60 * KB;
/** What brotli leaves of a body: prose as JSON shrinks to about half, text at its densest to 0.78. */
export const COMPRESSED = 0.6;
/** Beyond, compressed, a payload lies in S3. */
const MAX_INLINE_KB = 8;
const SNS_BATCH = 10;
const SQS_BATCH = 10;
/** DynamoDB counts so much more for each item that it keeps. */
const ITEM_OVERHEAD_BYTES = 100;
const INDEX_ROW_BYTES = 160;
const LEDGER_ROW_BYTES = 250;
const LEDGER_DAYS = 15;
/** One call of PublishBatch, or one Put. */
const CALL_MS = 25;
/** START, END and REPORT of an invocation. */
const LOG_BYTES = 400;
const ACCESS_LOG_BYTES = 300;

/** What follows from the size of a message. A body is stored compressed where that saves a unit; queues carry it as it is. */
export function sizesOf({ messageKb }: Pick<Workload, 'messageKb'>) {
  const isSetAside = messageKb * COMPRESSED > MAX_INLINE_KB;
  const raw = ENVELOPE_BYTES + (isSetAside ? 0 : Math.ceil(messageKb * KB));
  const [plain, compressed] = [ITEM_BYTES + raw, ITEM_BYTES + Math.ceil(raw * COMPRESSED)];
  const isCompressed = unitsOf(compressed) < unitsOf(plain);
  const itemBytes = isCompressed ? compressed : plain;
  const body = raw + ENTRY_BYTES;
  return {
    isSetAside,
    isCompressed,
    itemBytes,
    itemUnits: unitsOf(itemBytes),
    entryBytes: body > MAX_ENTRY_BYTES ? ENTRY_BYTES : body,
  };
}

const unitsOf = (bytes: number): number => Math.ceil(bytes / KB);

export function messageCost(workload: Workload, prices: Prices): MessageCost {
  const bill = new Bill(workload, prices);
  const used = (lines: readonly CostLine[]) => lines.reduce(merge, []).filter(({ quantity }) => quantity > 0);
  return { bus: used(bill.bus()), edge: used(bill.edge()), agents: used(bill.agents()), kept: used(bill.kept()) };
}

class Bill {
  readonly #workload: Workload;
  readonly #prices: Prices;
  readonly #sizes: ReturnType<typeof sizesOf>;
  /** Of each published one: itself, and what agents publish while they handle it. */
  readonly #messages: number;

  constructor(workload: Workload, prices: Prices) {
    this.#workload = workload;
    this.#prices = prices;
    this.#sizes = sizesOf(workload);
    this.#messages = 1 + workload.fanOut * workload.outputs;
  }

  bus(): readonly CostLine[] {
    const { threads, tracing } = this.#workload;
    const { isSetAside, isCompressed, itemBytes, itemUnits } = this.#sizes;
    const packed = isCompressed ? `, its body compressed to ${COMPRESSED * 100} %` : '';
    const stored = `${itemUnits} a message: an item of ${itemBytes} B${packed}, in units of 1 KB`;
    return [
      this.#line('store', N * itemUnits, 'writeUnit', stored),
      ...(isSetAside ? [this.#line('payload in S3', N, 'objectPut', 'beyond 8 KB compressed; 1 a message')] : []),
      ...(threads ? this.#each('thread index', 'writeUnit', '1 a message') : []),
      ...(tracing ? this.#each('trail: who gets it', 'writeUnit', '1 a message') : []),
      ...this.#relay(),
      ...this.#workload.deliveries.flatMap((terms) => this.#queues(terms)),
    ];
  }

  edge(): readonly CostLine[] {
    const { isViaApi, ingest } = this.#workload;
    if (!isViaApi) return [];
    return [
      this.#line('HTTP API', N, 'apiRequest', '1 a message'),
      ...this.#run('ingestion', N, CALL_MS, ingest, '1 a message'),
      this.#line('access log', (N * ACCESS_LOG_BYTES) / GB, 'logGigabyte', `${ACCESS_LOG_BYTES} B a request`),
    ];
  }

  agents(): readonly CostLine[] {
    return this.#workload.deliveries.flatMap((terms) => [...this.#handling(terms), ...this.#ledger(terms)]);
  }

  kept(): readonly CostLine[] {
    const { threads, keptDays, fanOut, deliveries } = this.#workload;
    const bytes = this.#sizes.itemBytes + ITEM_OVERHEAD_BYTES + (threads ? INDEX_ROW_BYTES + ITEM_OVERHEAD_BYTES : 0);
    const messages = (N * this.#messages * bytes * keptDays) / 30 / GB;
    const because = `${bytes} B a message for ${keptDays} days`;
    const rows = deliveries.filter(writesRow).reduce((sum, { share }) => sum + share, 0) * fanOut * N;
    const row = LEDGER_ROW_BYTES + ITEM_OVERHEAD_BYTES;
    const ledger = (rows * row * LEDGER_DAYS) / 30 / GB;
    const ledgerBecause = `${row} B a delivery for ${LEDGER_DAYS} days`;
    return [
      this.#line('messages', messages, 'tableGigabyte', because),
      this.#line('messages, recoverable', messages, 'recoveryGigabyte', because),
      this.#line('ledger', ledger, 'tableGigabyte', ledgerBecause),
      this.#line('ledger, recoverable', ledger, 'recoveryGigabyte', ledgerBecause),
    ];
  }

  /** From the log to SNS. */
  #relay(): readonly CostLine[] {
    const { batch, relayBatchSize, relay, isDirect, deliveries, outputs, fanOut } = this.#workload;
    const size = Math.min(batch, relayBatchSize);
    const byRelay = isDirect ? N * fanOut * outputs : N * this.#messages;
    const group = Math.min(size, SNS_BATCH);
    const lines = [
      ...this.#run(
        'relay',
        (N * this.#messages) / size,
        CALL_MS * Math.ceil(size / SNS_BATCH),
        relay,
        `batches of ${size}`,
      ),
    ];
    const kinds = [
      ['SNS publishing', 'snsPublish', deliveries.some((terms) => !terms.isOrdered)],
      ['SNS FIFO publishing', 'snsFifoPublish', deliveries.some((terms) => terms.isOrdered)],
    ] as const;
    for (const [what, price, isUsed] of kinds) {
      if (!isUsed) continue;
      const requests = this.#chunks(group) / group;
      if (byRelay > 0) lines.push(this.#line(what, byRelay * requests, price, `PublishBatch of ${group}`));
      if (isDirect) lines.push(this.#line(what, N * this.#chunks(1), price, '1 a message, by its publisher'));
    }
    const ordered = deliveries.filter(({ isOrdered }) => isOrdered).reduce((sum, { share }) => sum + share, 0) * fanOut;
    if (ordered > 0) {
      const gigabytes = (N * ordered * this.#sizes.entryBytes) / GB;
      lines.push(
        this.#line('SNS FIFO deliveries', N * ordered, 'snsFifoDelivery', `${toQuantity(ordered)} a message`),
        this.#line(
          'SNS FIFO deliveries, bytes',
          gigabytes,
          'snsFifoGigabyte',
          `${this.#sizes.entryBytes} B a delivery`,
        ),
      );
    }
    return lines;
  }

  /** From SQS to a function; SNS sends for nothing. */
  #queues(terms: DeliveryTerms): readonly CostLine[] {
    const { deliveries, size: most } = this.#share(terms);
    const size = Math.min(most, SQS_BATCH);
    const requests = this.#chunks(size) + 1;
    const price = terms.isOrdered ? 'sqsFifoRequest' : 'sqsFairRequest';
    const because = `${requests === 2 ? 'a receive and a delete' : `${requests} requests`} for a batch of ${size}`;
    return [this.#line(terms.isOrdered ? 'SQS FIFO' : 'SQS', (deliveries * requests) / size, price, because)];
  }

  #handling(terms: DeliveryTerms): readonly CostLine[] {
    const { deliveries, size } = this.#share(terms);
    const { isSetAside } = this.#sizes;
    return [
      ...this.#run('agents', deliveries / size, this.#workload.handlerMs, terms.function, `batches of ${size}`),
      ...(isSetAside ? [this.#line('payload from S3', deliveries, 'objectGet', '1 a delivery')] : []),
    ];
  }

  /** What an attempt that succeeds reads and writes. Several writes are a transaction, which takes twice the units. */
  #ledger(terms: DeliveryTerms): readonly CostLine[] {
    const { outputs, tracing } = this.#workload;
    const { deliveries } = this.#share(terms);
    const { itemUnits, isSetAside } = this.#sizes;
    const lines: CostLine[] = [];
    const add = (what: string, units: number, price: PriceName, because: string) => {
      if (units > 0) lines.push(this.#line(what, deliveries * units, price, because));
    };
    const isStep = writesRow(terms);
    const inStep = isStep ? 2 : 1;
    if (terms.lease) add('lease', 1, 'writeUnit', '1 a delivery');
    else if (isStep) add('ledger, read', 1, 'readUnit', '1 a delivery: was it done?');
    if (terms.guarantee === 'at-most-once') add('ledger, started', 1, 'writeUnit', '1 a delivery');
    if (tracing) add('trail: who has it in hand', 1, 'writeUnit', '1 a delivery');
    const transactions = tracing ? 1 : Math.min(1, outputs);
    if (isStep) add('ledger, done', 1 + transactions, 'writeUnit', '1 a delivery, 2 in a transaction');
    if (tracing) add('trail: what came of it', inStep, 'writeUnit', `${inStep} a delivery`);
    const output = itemUnits * inStep;
    add('outputs, stored', outputs * output, 'writeUnit', `${toQuantity(outputs)} a delivery, ${output} units each`);
    if (isSetAside) add('payload in S3', outputs, 'objectPut', '1 an output');
    return lines;
  }

  #share({ share, batchSize }: DeliveryTerms): { readonly deliveries: number; readonly size: number } {
    const { fanOut, batch } = this.#workload;
    return { deliveries: N * fanOut * share, size: Math.min(batch, batchSize) };
  }

  #each(what: string, price: PriceName, because: string): readonly CostLine[] {
    return [this.#line(what, N * this.#messages, price, because)];
  }

  #run(
    what: string,
    invocations: number,
    ms: number,
    { memoryMb, isArm }: DeliveryTerms['function'],
    because: string,
  ): readonly CostLine[] {
    const gigabyteSeconds = (invocations * ms * memoryMb) / KB / 1_000;
    const price = isArm ? 'armGigabyteSecond' : 'x86GigabyteSecond';
    return [
      this.#line(`${what}, invocations`, invocations, 'invocation', because),
      this.#line(`${what}, compute`, gigabyteSeconds, price, `${ms} ms at ${memoryMb} MB an invocation`),
      this.#line('logs', (invocations * LOG_BYTES) / GB, 'logGigabyte', `${LOG_BYTES} B an invocation`),
    ];
  }

  /** Requests that so many entries together count as. */
  #chunks(entries: number): number {
    return Math.ceil((entries * this.#sizes.entryBytes) / CHUNK);
  }

  #line(what: string, quantity: number, price: PriceName, because: string): CostLine {
    return toLine(this.#prices, what, quantity, price, because);
  }
}

/** Whether the end of a delivery is a row of the ledger. */
const writesRow = ({ guarantee }: DeliveryTerms): boolean => guarantee !== 'at-least-once';

/** Lines of the same thing become one: of several kinds of deliveries, say. */
function merge(lines: readonly CostLine[], line: CostLine): readonly CostLine[] {
  const before = lines.find(({ what, price }) => what === line.what && price === line.price);
  if (before === undefined) return [...lines, line];
  const because = before.because.split('; ').includes(line.because)
    ? before.because
    : `${before.because}; ${line.because}`;
  const merged = { ...before, usd: before.usd + line.usd, quantity: before.quantity + line.quantity, because };
  return lines.map((each) => (each === before ? merged : each));
}
