/** @module Publishing one message for each line of a file or of standard input. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { PublishEntry } from '../bus/bus.ts';
import { ExitCode, exitCodeOf, UsageError } from './failure.ts';
import type { Io } from './io.ts';
import { shortened, toText } from './payload-input.ts';
import type { Target } from './remote.ts';
import { report } from './run-command.ts';
import { toStoredLine } from './stored-line.ts';

const BATCH = 100;
/** How long a line waits for others; who writes one now and then wants it published now. */
const LINGER_MS = 20;
/** How often it is said how far it is. */
const PROGRESS_MS = 2_000;

interface Line {
  readonly number: number;
  readonly payload: unknown;
}

/**
 * Prints the reference of each as soon as it is stored. A message that is refused does not keep the others back; a line that
 * is no JSON, or a server that is gone, ends it, when what came before is published.
 */
export async function publishLines(
  input: Readable,
  base: Omit<PublishEntry, 'payload'>,
  target: Target,
  io: Io,
): Promise<ExitCode> {
  const sending = new Sending(base, target, io);
  // As bytes, since readline also ends a line at U+2028 and U+2029, which JSON allows in a text.
  const bytes = input.setEncoding('latin1');
  const lines = createInterface({ input: bytes, crlfDelay: Number.POSITIVE_INFINITY, signal: io.signal });
  let number = 0;
  let isEmpty = true;
  let broken: UsageError | undefined;
  for await (const line of lines) {
    number++;
    try {
      const text = toText(Buffer.from(line, 'latin1'), `line ${number}`);
      if (text.trim() === '') continue;
      isEmpty = false;
      await sending.add({ number, payload: parsed(text, number) });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      broken = error;
      break;
    }
    if (sending.fatal !== undefined) break;
  }
  await sending.end();
  const { sent, failed, fatal, fatalLine } = sending;
  if (isEmpty && broken === undefined && !io.signal.aborted)
    throw new UsageError('there is nothing to publish: the input is empty');
  if (fatal !== undefined) report(fatal, io, { line: fatalLine });
  io.note(`${sent - failed} of ${sent} messages published`);
  if (fatal !== undefined) return exitCodeOf(fatal);
  if (broken !== undefined) throw broken;
  if (io.signal.aborted) return ExitCode.INTERRUPTED;
  return failed === 0 ? ExitCode.DONE : ExitCode.FAILED;
}

/** Batches, one after the other, each as large as what came meanwhile. */
class Sending {
  readonly #base: Omit<PublishEntry, 'payload'>;
  readonly #target: Target;
  readonly #io: Io;
  #waiting: Line[] = [];
  #timer: NodeJS.Timeout | undefined;
  #last: Promise<void> = Promise.resolve();
  #toldAt = Date.now();
  sent = 0;
  failed = 0;
  /** What no further message can survive either. */
  fatal: Error | undefined;
  /** From which on it is not known whether anything was published. */
  fatalLine = 0;

  constructor(base: Omit<PublishEntry, 'payload'>, target: Target, io: Io) {
    this.#base = base;
    this.#target = target;
    this.#io = io;
  }

  /** Waits for the batches before, so that what is read never runs ahead of what is sent. */
  async add(line: Line): Promise<void> {
    this.#waiting.push(line);
    this.#timer ??= setTimeout(() => this.#flush(), LINGER_MS);
    if (this.#waiting.length < BATCH) return;
    this.#flush();
    await this.#last;
  }

  async end(): Promise<void> {
    this.#flush();
    await this.#last;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#waiting;
    this.#waiting = [];
    if (batch.length > 0) this.#last = this.#last.then(() => this.#send(batch));
  }

  async #send(batch: readonly Line[]): Promise<void> {
    if (this.fatal !== undefined) return;
    const { topics } = this.#base;
    const topic = typeof topics === 'string' ? topics : topics[0];
    const entries = batch.map(({ payload }) => ({ ...this.#base, payload: payload as never }));
    const outcomes = await this.#target.bus.publishMany(entries).catch((error: Error) => {
      this.#giveUp(error, batch[0]?.number ?? 0);
      return [];
    });
    for (const [index, outcome] of outcomes.entries()) {
      this.sent++;
      if (outcome.ok) this.#io.line(toStoredLine(outcome, topic, this.#io));
      else {
        this.failed++;
        const line = batch[index]?.number ?? 0;
        if (exitCodeOf(outcome.error) >= ExitCode.UNAVAILABLE) this.#giveUp(outcome.error, line);
        else report(outcome.error, this.#io, { line });
      }
    }
    if (Date.now() - this.#toldAt < PROGRESS_MS) return;
    this.#toldAt = Date.now();
    this.#io.note(`${this.sent} messages`);
  }

  #giveUp(error: Error, line: number): void {
    if (this.fatal !== undefined) return;
    this.fatal = error;
    this.fatalLine = line;
  }
}

/** @throws UsageError */
function parsed(text: string, number: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`line ${number} is no JSON: ${shortened(text)}`);
  }
}
