/** @module Storing what is published: the drafts of one moment go in one call. */
import { type GuildwireError, IdempotencyConflictError } from '../../core/errors.ts';
import type { GemstoneId } from '../../core/gemstone-id.ts';
import type { Draft } from '../../core/message.ts';
import type { Outcome } from '../backend.ts';
import { EntryWriter } from './entries.ts';
import type { Namespaces } from './namespace.ts';

export type Appended = Outcome<{ readonly id: GemstoneId; readonly duplicate: boolean }>;

interface Waiting {
  readonly draft: Draft;
  readonly resolve: (outcome: Appended) => void;
  readonly reject: (error: unknown) => void;
}

const MAX_BATCH = 100;
/** Keeps a call short where payloads are large. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;

export class Appender {
  readonly #namespaces: Namespaces;
  readonly #inlineBytes: number;
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(namespaces: Namespaces, inlineBytes: number) {
    this.#namespaces = namespaces;
    this.#inlineBytes = inlineBytes;
  }

  append(drafts: readonly Draft[]): Promise<Appended[]> {
    return Promise.all(drafts.map((draft) => this.#appendOne(draft)));
  }

  #appendOne(draft: Draft): Promise<Appended> {
    const { namespace } = draft.message;
    const { promise, resolve, reject } = Promise.withResolvers<Appended>();
    let waiting = this.#waiting.get(namespace);
    if (waiting === undefined) {
      waiting = [];
      this.#waiting.set(namespace, waiting);
      queueMicrotask(() => this.#flush(namespace));
    }
    waiting.push({ draft, resolve, reject });
    return promise;
  }

  #flush(namespace: string): void {
    const waiting = this.#waiting.get(namespace) ?? [];
    this.#waiting.delete(namespace);
    for (let start = 0; start < waiting.length; ) {
      const end = endOfBatch(waiting, start);
      void this.#store(namespace, waiting.slice(start, end));
      start = end;
    }
  }

  async #store(namespace: string, batch: readonly Waiting[]): Promise<void> {
    try {
      const outcomes = await this.#namespaces.store('append', namespace, (registry) => {
        const writer = new EntryWriter(registry, this.#inlineBytes);
        const entries = batch.map(({ draft }) => writer.add(draft));
        return { header: { entries }, writer };
      });
      for (const [index, { resolve }] of batch.entries()) resolve(toOutcome(outcomes[index] ?? []));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}

function endOfBatch(waiting: readonly Waiting[], start: number): number {
  let bytes = 0;
  let end = start;
  while (end < waiting.length && end - start < MAX_BATCH && (end === start || bytes < MAX_BATCH_BYTES)) {
    bytes += (waiting[end++] as Waiting).draft.payloadBytes;
  }
  return end;
}

function toOutcome([kind, value = '']: readonly string[]): Appended {
  if (kind === 'conflict') return { ok: false, error: new IdempotencyConflictError(value) as GuildwireError };
  return { ok: true, id: value as GemstoneId, duplicate: kind === 'duplicate' };
}
