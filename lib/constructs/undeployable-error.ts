/** @module The error of a guild that AWS cannot hold. */
import type { Construct } from 'constructs';
import { type FieldFault, GuildwireError } from '../core/errors.ts';

/**
 * AWS cannot hold this, or would hold something else. `faults` lists everything; `path` is the construct's. It is an app that
 * throws it, and Node.js that prints it: the message, and the lines of the app that led there.
 */
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
    const { message } = this;
    this.stack = [`${this.name}: ${message}`, ...framesOf(this.stack ?? '', message)].join('\n');
    // Printed as well otherwise, though all is in the message.
    for (const key of Object.keys(this)) Object.defineProperty(this, key, { enumerable: false });
  }
}

/** @throws UndeployableError if there is any fault. */
export function refuse(scope: Construct, faults: readonly FieldFault[]): void {
  if (faults.length > 0) throw new UndeployableError(scope.node.path, faults);
}

function framesOf(stack: string, message: string): readonly string[] {
  const frames = stack.slice(stack.indexOf(message) + message.length).split('\n');
  return frames.filter(
    (frame) => frame.includes(' at ') && !frame.includes(import.meta.dirname) && !frame.includes('node:'),
  );
}
