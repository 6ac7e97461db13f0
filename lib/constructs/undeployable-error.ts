/** @module The error of a guild that AWS cannot hold. */
import type { Construct } from 'constructs';
import { type FieldFault, GuildwireError } from '../core/errors.ts';

/** AWS cannot hold this, or would hold something else. `faults` lists everything; `path` is the construct's. */
export class UndeployableError extends GuildwireError {
  readonly code = 'UNDEPLOYABLE';
  readonly retryable = false;
  readonly path: string;
  readonly faults: readonly FieldFault[];

  constructor(path: string, faults: readonly FieldFault[], options?: ErrorOptions) {
    super(
      `${path} cannot be deployed: ${faults.map(({ field, problem }) => `${field}: ${problem}`).join('; ')}`,
      options,
    );
    this.path = path;
    this.faults = faults;
  }
}

/** @throws UndeployableError if there is any fault. */
export function refuse(scope: Construct, faults: readonly FieldFault[]): void {
  if (faults.length > 0) throw new UndeployableError(scope.node.path, faults);
}
