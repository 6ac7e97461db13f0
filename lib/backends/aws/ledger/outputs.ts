/** @module Messages that are stored in the step of a settlement: outputs, and dead letters. */
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { IdempotencyConflictError } from '../../../core/errors.ts';
import type { GemstoneId } from '../../../core/gemstone-id.ts';
import type { Draft } from '../../../core/message.ts';
import type { Attributes } from '../calls/attribute-values.ts';
import { guardOf, readGuard } from '../log/guards.ts';
import type { LogWriter } from '../log/log-writer.ts';
import type { PreparedDraft } from '../log/prepared.ts';

const NO_NONCE = new Uint8Array();

/** Outputs on their way into a step, which may have to be tried several times with fresh ids. */
export class Outputs {
  readonly #drafts: readonly Draft[];
  readonly #log: LogWriter;
  /** By index: those that were published before under their key, or stand under it in this very step. */
  readonly #before = new Map<number, GemstoneId | number>();
  #prepared: readonly (PreparedDraft | undefined)[] = [];

  /** @throws IdempotencyConflictError if two of them have one key and different payloads. */
  constructor(drafts: readonly Draft[], log: LogWriter) {
    this.#drafts = drafts;
    this.#log = log;
    const first = new Map<string, number>();
    for (const [index, draft] of drafts.entries()) {
      const guard = guardOf(draft);
      if (guard === undefined) continue;
      const other = first.get(guard.key);
      if (other === undefined) first.set(guard.key, index);
      else {
        const payload = guardOf(drafts[other] as Draft)?.payload;
        if (Buffer.compare(payload ?? NO_NONCE, guard.payload ?? NO_NONCE) !== 0) throw conflict(draft);
        this.#before.set(index, other);
      }
    }
  }

  /** Bytes of all that `entries` gives. */
  get bytes(): number {
    return this.#prepared.reduce((sum, each) => sum + (each?.bytes ?? 0), 0);
  }

  /** Of each draft, in their order, once they were prepared. */
  get ids(): readonly GemstoneId[] {
    return this.#drafts.map((_, index) => this.#idOf(index));
  }

  /** With ids of their own, minted now. */
  async prepare(): Promise<void> {
    const wanted = this.#drafts.map((_, index) => !this.#before.has(index));
    const prepared = await this.#log.prepare(this.#drafts.filter((_, index) => wanted[index]));
    let next = 0;
    this.#prepared = wanted.map((isWanted) => (isWanted ? prepared[next++] : undefined));
  }

  entries(): readonly TransactWriteItem[] {
    return this.#prepared.flatMap((each) => {
      if (each === undefined) return [];
      return each.guard === undefined ? each.puts : [...each.puts, each.guard];
    });
  }

  /**
   * Looks at an entry whose condition did not hold, by its index among `entries`: a key that was used is passed over the
   * next time; for an id that is taken there will be another.
   *
   * @throws IdempotencyConflictError if the key was used for another payload.
   */
  refused(entryIndex: number, found: Attributes | undefined): void {
    let passed = 0;
    for (const [index, each] of this.#prepared.entries()) {
      if (each === undefined) continue;
      const isGuard = each.guard !== undefined && entryIndex === passed + each.puts.length;
      const draft = this.#drafts[index] as Draft;
      const guard = guardOf(draft);
      if (isGuard && guard !== undefined && found !== undefined) {
        const { kind, id } = readGuard(guard, found, NO_NONCE);
        if (kind === 'conflict') throw conflict(draft);
        this.#before.set(index, id);
      }
      passed += each.puts.length + (each.guard === undefined ? 0 : 1);
      if (entryIndex < passed) return;
    }
  }

  #idOf(index: number): GemstoneId {
    const before = this.#before.get(index);
    if (typeof before === 'number') return this.#idOf(before);
    return before ?? (this.#prepared[index]?.id as GemstoneId);
  }
}

const conflict = ({ message }: Draft) => new IdempotencyConflictError(message.idempotencyKey ?? '');
