/** @module Requests of an HTTP API as web-standard ones, and their answers as the API takes them. */
import { MalformedRequestError } from '../../http/http-errors.ts';
import { PROBLEM_TYPE } from '../../http/problems.ts';
import type { HttpAnswer, HttpEvent } from './events.ts';

/** A function's answer may have 6 MB, as JSON (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html). */
const MAX_ANSWER_BYTES = 6 * 1024 * 1024 - 64 * 1024;

/** A step within the path, or the escape of what needs none: both would be something else than what the path says. */
const DISGUISE = /(?:^|\/)\.\.?(?:\/|$)|%(?:2[DE]|3\d|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9A])/i;

/**
 * Policies allow `execute-api:Invoke` on paths as they were sent, so nothing may lead anywhere else than these say.
 *
 * @throws MalformedRequestError for a path that would; TypeError for what no request can have.
 */
export function toRequest(event: HttpEvent): Request {
  const { rawQueryString, headers, body, isBase64Encoded, requestContext } = event;
  const { method } = requestContext.http;
  const query = rawQueryString === '' ? '' : `?${rawQueryString}`;
  const hasBody = body !== undefined && method !== 'GET' && method !== 'HEAD';
  return new Request(`https://${requestContext.domainName}${pathOf(event)}${query}`, {
    method,
    headers: Object.entries(headers).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, value]],
    ),
    ...(hasBody && { body: isBase64Encoded ? Buffer.from(body, 'base64') : body }),
  });
}

/** A stage that is not the default one stands before the path, and the API may have decoded what was in it. */
function pathOf({ rawPath, requestContext: { stage } }: HttpEvent): string {
  const prefix = `/${stage}`;
  const isStaged = stage !== '$default' && (rawPath === prefix || rawPath.startsWith(`${prefix}/`));
  const path = isStaged ? rawPath.slice(prefix.length) : rawPath;
  if (DISGUISE.test(path)) throw new MalformedRequestError();
  return path.toWellFormed().replaceAll(/[^!-~]|[?#\\]/gu, encodeURIComponent);
}

export async function toAnswer(response: Response): Promise<HttpAnswer> {
  const body = await response.text();
  const bytes = Buffer.byteLength(JSON.stringify(body));
  const headers = Object.fromEntries(response.headers);
  if (bytes <= MAX_ANSWER_BYTES) return { statusCode: response.status, headers, body, isBase64Encoded: false };
  const problem = {
    type: 'urn:guildwire:problem:ANSWER_TOO_LARGE',
    title: 'The answer is too large',
    status: 422,
    detail: `the answer has ${bytes} bytes, and ${MAX_ANSWER_BYTES} are allowed here: ask for fewer messages with limit, and for a single one past the API, by aws:FILE`,
    code: 'ANSWER_TOO_LARGE',
    retryable: false,
  };
  return {
    statusCode: problem.status,
    headers: { ...headers, 'content-type': PROBLEM_TYPE },
    body: JSON.stringify(problem),
    isBase64Encoded: false,
  };
}
