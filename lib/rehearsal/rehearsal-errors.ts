/** @module What can go wrong with a rehearsal itself. What goes wrong inside a function is its caller's answer, as on AWS. */
import { GuildwireError } from '../core/errors.ts';

/** An emulator is not installed, does not start, or does not answer. The message says what to do. */
export class EmulatorMissingError extends GuildwireError {
  readonly code = 'EMULATOR_MISSING';
  readonly retryable = false;
}

/** The cloud assembly holds what a rehearsal does not know how to run. `faults` names everything at once. */
export class UnsupportedTemplateError extends GuildwireError {
  readonly code = 'UNSUPPORTED_TEMPLATE';
  readonly retryable = false;
  /** Each with the template's file, the logical id, and what about it is not known. */
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`the rehearsal cannot run this template: ${faults.join('; ')}`);
    this.faults = faults;
  }
}

/** There is no cloud assembly where one was looked for, or it is not whole. */
export class AssemblyError extends GuildwireError {
  readonly code = 'INVALID_ASSEMBLY';
  readonly retryable = false;
}

/** A name given to the rehearsal fits no function, or more than one. */
export class UnknownFunctionError extends GuildwireError {
  readonly code = 'UNKNOWN_FUNCTION';
  readonly retryable = false;

  constructor(name: string, fitting: readonly string[], known: readonly string[]) {
    const what = fitting.length === 0 ? 'fits no function' : `fits several functions (${fitting.join(', ')})`;
    super(`"${name}" ${what}: give the name or the end of the construct path of one of ${known.join(', ')}`);
  }
}

/** An emulator refused a call of the rehearsal. */
export class EmulatorRefusedError extends GuildwireError {
  readonly code = 'EMULATOR_REFUSED';
  readonly retryable = false;
}

/** An emulator ended while the rehearsal ran; what it held is gone. */
export class EmulatorLostError extends GuildwireError {
  readonly code = 'EMULATOR_LOST';
  readonly retryable = true;
}

/** What is rehearsed did not come to rest in time. */
export class StillBusyError extends GuildwireError {
  readonly code = 'STILL_BUSY';
  readonly retryable = true;

  constructor(timeoutMs: number, busy: readonly string[]) {
    super(`not idle after ${timeoutMs} ms: ${busy.join(', ') || 'new work kept coming'}`);
  }
}
