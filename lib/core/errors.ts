/**
 * @module Every error that Guildwire throws: a stable `code` to branch on, whether repeating can help, and a message that
 * says what was wrong, what came and what to do. Messages never hold a payload or a secret.
 */

/** The base of all errors thrown by Guildwire. Branch on `code`: it is stable, the text is not. */
export abstract class GuildwireError extends Error {
  abstract readonly code: string;
  /** Whether the same call can succeed later without a change. */
  abstract readonly retryable: boolean;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** One thing that is wrong with an input: where, and what came against what is allowed. */
export interface FieldFault {
  /** Path of the field, such as `priority` or `payload.items[2].at`. */
  readonly field: string;
  readonly problem: string;
}

const listed = (faults: readonly FieldFault[]) => faults.map(({ field, problem }) => `${field}: ${problem}`).join('; ');

/** A message was refused before anything was stored. `faults` lists everything that is wrong with it. */
export class InvalidMessageError extends GuildwireError {
  readonly code = 'INVALID_MESSAGE';
  readonly retryable = false;
  readonly faults: readonly FieldFault[];

  constructor(faults: readonly FieldFault[], options?: ErrorOptions) {
    super(`message refused: ${listed(faults)}`, options);
    this.faults = faults;
  }
}

/** A payload is not JSON, or does not fit the schema of its format. `faults` lists every place. */
export class PayloadInvalidError extends GuildwireError {
  readonly code = 'PAYLOAD_INVALID';
  readonly retryable = false;
  readonly format: string;
  readonly faults: readonly FieldFault[];

  constructor(format: string, faults: readonly FieldFault[], options?: ErrorOptions) {
    super(`payload does not fit format "${format}": ${listed(faults)}`, options);
    this.format = format;
    this.faults = faults;
  }
}

/** A payload has more bytes than a message may carry. */
export class PayloadTooLargeError extends GuildwireError {
  readonly code = 'PAYLOAD_TOO_LARGE';
  readonly retryable = false;
  readonly bytes: number;
  readonly maxBytes: number;

  constructor(bytes: number, maxBytes: number, options?: ErrorOptions) {
    super(`payload is ${bytes} bytes but the limit is ${maxBytes}: split it, or send a link to it`, options);
    this.bytes = bytes;
    this.maxBytes = maxBytes;
  }
}

/**
 * The schema of a format validates asynchronously, which publishing and handling cannot wait for. A zod refinement that
 * rejects is lost inside zod before this can be told; it surfaces as an unhandled rejection.
 */
export class AsyncFormatError extends GuildwireError {
  readonly code = 'ASYNC_FORMAT';
  readonly retryable = false;

  constructor(format: string) {
    super(
      `the schema of format "${format}" is asynchronous: use a synchronous schema, and do its look-ups in the handler`,
    );
  }
}

/** A definition (format, agent, guild, topic family) cannot work as written. `faults` lists everything at once. */
export class InvalidDefinitionError extends GuildwireError {
  readonly code = 'INVALID_DEFINITION';
  readonly retryable = false;
  readonly faults: readonly FieldFault[];

  constructor(what: string, faults: readonly FieldFault[]) {
    super(`${what} cannot be defined so: ${listed(faults)}`);
    this.faults = faults;
  }
}

/** A value given as a gemstone ID, a reference, a topic, a query or an option is none. `faults` lists everything at once. */
export class InvalidArgumentError extends GuildwireError {
  readonly code = 'INVALID_ARGUMENT';
  readonly retryable = false;
  readonly faults: readonly FieldFault[];

  constructor(faults: readonly FieldFault[]) {
    super(listed(faults));
    this.faults = faults;
  }
}

/** The bytes of a stored message cannot be read. They are kept as they came, in a dead letter. */
export class UndecodableError extends GuildwireError {
  readonly code = 'UNDECODABLE';
  readonly retryable = false;
  readonly faults: readonly FieldFault[];

  constructor(faults: readonly FieldFault[], options?: ErrorOptions) {
    super(`stored bytes are no message: ${listed(faults)}`, options);
    this.faults = faults;
  }
}

/** The same idempotency key came again within 24 hours, with another payload. Nothing was stored. */
export class IdempotencyConflictError extends GuildwireError {
  readonly code = 'IDEMPOTENCY_CONFLICT';
  readonly retryable = false;

  constructor(key: string) {
    super(`idempotency key ${JSON.stringify(key)} was used within 24 hours for another payload: use a new key`);
  }
}

/** The backend cannot do what was asked for; `backend.features` says what it can. */
export class UnsupportedFeatureError extends GuildwireError {
  readonly code = 'UNSUPPORTED_FEATURE';
  readonly retryable = false;

  constructor(backend: string, feature: string) {
    super(`backend "${backend}" does not support ${feature}: leave it out, or use a backend that does`);
  }
}

/** More is waiting than the backend may hold, and it did not shrink within the publish timeout. Nothing was stored. */
export class BackendFullError extends GuildwireError {
  readonly code = 'BACKEND_FULL';
  readonly retryable = true;

  constructor(waiting: number, bytes: number, limits: { readonly messages: number; readonly bytes: number }) {
    super(
      `${waiting} deliveries (${bytes} bytes) wait but the limits are ${limits.messages} and ${limits.bytes}: ` +
        'publish slower, add instances or concurrency to the agents that lag, or raise the limits',
    );
  }
}

/** The backend was closed, or cannot be reached. Whether the call took effect is unknown: repeat it with an idempotency key. */
export class BackendUnavailableError extends GuildwireError {
  readonly code = 'BACKEND_UNAVAILABLE';
  readonly retryable = true;
}

/** A delay beyond what the backend can hold a message for. */
export class DelayTooLongError extends GuildwireError {
  readonly code = 'DELAY_TOO_LONG';
  readonly retryable = false;

  constructor(delayMs: number, maxDelayMs: number) {
    super(`a delay of ${delayMs} ms was asked for but the limit is ${maxDelayMs} ms: shorten it, or publish later`);
  }
}

/** An attempt decided more than the backend commits in one step (`maxOutputs`). None of it was stored. */
export class TooManyOutputsError extends GuildwireError {
  readonly code = 'TOO_MANY_OUTPUTS';
  readonly retryable = false;

  constructor(outputs: number, maxOutputs: number) {
    const limit = `${maxOutputs}, of which copies under topics, idempotency keys and state take their part`;
    super(`an attempt has ${outputs} outputs but the limit is ${limit}: publish fewer, larger messages`);
  }
}

/** A state value is larger than a key may hold. */
export class StateTooLargeError extends GuildwireError {
  readonly code = 'STATE_TOO_LARGE';
  readonly retryable = false;

  constructor(key: string, bytes: number, maxBytes: number) {
    super(`state "${key}" is ${bytes} bytes but the limit is ${maxBytes}: spread it over several keys`);
  }
}

/** A consumer settled a delivery that it no longer holds. Nothing of it took effect; whoever holds it now decides. */
export class LeaseLostError extends GuildwireError {
  readonly code = 'LEASE_LOST';
  readonly retryable = false;

  constructor(agent: string) {
    super(`"${agent}" no longer holds the delivery: it ran longer than its lease, or was settled before`);
  }
}

/** State that an attempt read was changed meanwhile. Nothing of the attempt took effect; it is run again. */
export class StateConflictError extends GuildwireError {
  readonly code = 'STATE_CONFLICT';
  readonly retryable = true;
  /** One that was changed. */
  readonly key: string;

  constructor(agent: string, key: string) {
    super(`state "${key}" of "${agent}" was changed by another attempt`);
    this.key = key;
  }
}

/** What was named is not there: it never was, or is no longer kept. */
export class NotFoundError extends GuildwireError {
  readonly code = 'NOT_FOUND';
  readonly retryable = false;

  constructor(what: string) {
    super(`${what} is not known here: it never was, or is no longer kept`);
  }
}

/** A plan would hold no entry. */
export class EmptyPlanError extends GuildwireError {
  readonly code = 'EMPTY_PLAN';
  readonly retryable = false;

  constructor(action: string, agent: string) {
    super(`nothing to ${action} for "${agent}": no message matches; look at what is there first, or widen the filter`);
  }
}

/** `reply` or `fail` was called for a message that says nowhere to answer. */
export class NoReplyAddressError extends GuildwireError {
  readonly code = 'NO_REPLY_ADDRESS';
  readonly retryable = false;

  constructor(sender: string) {
    super(
      `nowhere to reply: the message has no replyTo, and its sender "${sender}" is no agent; publish to a topic instead`,
    );
  }
}

/** The context of an attempt was used after the attempt had ended. */
export class AttemptEndedError extends GuildwireError {
  readonly code = 'ATTEMPT_ENDED';
  readonly retryable = false;

  constructor(agent: string, call: string) {
    super(`agent "${agent}" called ${call} after its attempt had ended: await all work before the handler returns`);
  }
}

/** A message descends from its root over more generations than the guild allows: agents are answering each other in circles. */
export class HopLimitError extends GuildwireError {
  readonly code = 'HOP_LIMIT';
  readonly retryable = false;

  constructor(hops: number, maxHops: number) {
    super(
      `the message is ${hops} generations from its root but the limit is ${maxHops}: break the circle, or raise maxHops`,
    );
  }
}

/** What descends from the root was not handled by the root's deadline; nothing more of it is started. */
export class DeadlineExceededError extends GuildwireError {
  readonly code = 'DEADLINE_EXCEEDED';
  readonly retryable = false;

  constructor(deadlineAt: number) {
    super(`the deadline ${new Date(deadlineAt).toISOString()} has passed: publish anew with a later deadlineAt`);
  }
}

/** What descends from the root has spent the root's budget; nothing more of it is started. */
export class BudgetExceededError extends GuildwireError {
  readonly code = 'BUDGET_EXCEEDED';
  readonly retryable = false;

  constructor(
    spent: { readonly usd: number; readonly tokens: number },
    budget: { readonly usd?: number; readonly tokens?: number },
  ) {
    const limits = Object.entries(budget).map(
      ([unit, limit]) => `${spent[unit as 'usd' | 'tokens']} of ${limit} ${unit}`,
    );
    super(`the budget is spent (${limits.join(', ')}): publish anew with a larger budget`);
  }
}

/** Nobody answered in time. An answer that comes later is kept in the log, and read by nobody. */
export class RequestTimeoutError extends GuildwireError {
  readonly code = 'REQUEST_TIMEOUT';
  readonly retryable = true;

  constructor(timeoutMs: number) {
    super(`no reply came within ${timeoutMs} ms: see whether an agent handles the request, or raise timeoutMs`);
  }
}

/** The agent that was asked said that it cannot be done (`context.fail`). */
export class RemoteError extends GuildwireError {
  readonly code = 'REMOTE';
  readonly retryable = false;
  /** As the agent gave it. */
  readonly remoteCode: string;

  constructor(agent: string, remoteCode: string, text: string) {
    super(`"${agent}" answered ${remoteCode}: ${text}`);
    this.remoteCode = remoteCode;
  }
}
