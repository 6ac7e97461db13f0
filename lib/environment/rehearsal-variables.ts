/** @module The environment variables that a rehearsal reads, to find the emulator of DynamoDB. */

/**
 * `DYNAMODB_ENDPOINT`: where a DynamoDB emulator runs already. `DYNOXIDE_BIN`: the binary of dynoxide, where none is
 * installed for this platform.
 */
export function dynamodbVariables(): { readonly endpoint: string | undefined; readonly binary: string | undefined } {
  const set = (value: string | undefined) => (value === '' ? undefined : value);
  return { endpoint: set(process.env.DYNAMODB_ENDPOINT), binary: set(process.env.DYNOXIDE_BIN) };
}
