/** @module What a request weighs on its way into a function: as text within JSON (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html). */

/** Of one request; a function takes 6 MB, with all that is said around it. */
export const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
/** Up to here text is not measured; a hundred such messages still fit into a batch. */
const SHORT = 8 * 1024;
/** To a character of JSON: three in UTF-8, or two for one that has to be escaped. */
const MOST_BYTES = 3;
const encoder = new TextEncoder();

/** @param json May be less, and is never more, than what this gives. */
export const weightOf = (json: string): number =>
  json.length <= SHORT ? json.length * MOST_BYTES : encoder.encode(JSON.stringify(json)).length;
