/** @module The one error of a configuration that cannot be: everything that is wrong with it, each with its place. */
import { type FieldFault, GuildwireError } from '../core/errors.ts';

/** `faults` name places: `guildwire.config.yaml:4:5 agents.grammar.concurrency`, or the variable. */
export class ConfigurationError extends GuildwireError {
  readonly code = 'INVALID_CONFIGURATION';
  readonly retryable = false;
  readonly faults: readonly FieldFault[];

  constructor(faults: readonly FieldFault[], options?: ErrorOptions) {
    super(faults.map(({ field, problem }) => `${field}: ${problem}`).join('\n'), options);
    this.faults = faults;
  }
}
