/** @module The parameters in the path of a route, checked. */
import type * as z from 'zod/mini';
import type { FieldFault } from '../core/errors.ts';
import { faultsOf } from './schemas/faults.ts';

type Params = Readonly<Record<string, unknown>>;

const MAX_KNOWN = 1_000;

export class PathParams {
  readonly #schema: z.ZodMiniObject;
  /** What was right once is right again: programs publish to few paths, and often. */
  readonly #known = new Map<string, Params>();

  constructor(schema: z.ZodMiniObject) {
    this.#schema = schema;
  }

  /** Undefined if something is wrong with them, which is then among the faults. */
  of(path: string, given: () => Readonly<Record<string, string>>, faults: FieldFault[]): Params | undefined {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const result = this.#schema.safeParse(given());
    if (!result.success) {
      faults.push(...faultsOf(result.error, 'path'));
      return undefined;
    }
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(path, result.data);
    return result.data;
  }
}
