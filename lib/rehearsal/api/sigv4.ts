/** @module Signature Version 4 of a request to an API, as AWS_IAM authorization checks it. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** Somebody who may call the API. */
export interface Caller {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** As the function sees it. */
  readonly userArn: string;
}

export interface SignedRequest {
  readonly method: string;
  /** As it came over the wire, with its query. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const MAX_SKEW_MS = 5 * 60_000;

/** Whose signature the request bears; `undefined` where it has none, or a wrong one. */
export function signerOf(request: SignedRequest, callers: readonly Caller[], region: string): Caller | undefined {
  const { authorization = '', 'x-amz-date': time = '' } = request.headers;
  const [, id, scope = '', signedHeaders = '', signature = ''] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+),\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{64})$/.exec(
      authorization,
    ) ?? [];
  const caller = callers.find(({ accessKeyId }) => accessKeyId === id);
  if (caller === undefined || !isNow(time)) return undefined;
  if (scope !== `${time.slice(0, 8)}/${region}/execute-api/aws4_request`) return undefined;
  const names = signedHeaders.split(';');
  const hash = request.headers['x-amz-content-sha256'] ?? sha256(request.body);
  if (!names.includes('host') || hash !== sha256(request.body)) return undefined;
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical(request, names, hash))].join('\n');
  const key = scope.split('/').reduce<Buffer | string>(hmac, `AWS4${caller.secretAccessKey}`);
  return timingSafeEqual(hmac(key, text), Buffer.from(signature, 'hex')) ? caller : undefined;
}

function canonical({ method, url, headers }: SignedRequest, names: readonly string[], hash: string): string {
  const [path = '/', query = ''] = url.split('?');
  const parameters = query === '' ? [] : query.split('&').map((pair) => (pair.includes('=') ? pair : `${pair}=`));
  return [
    method,
    path.split('/').map(encoded).join('/'),
    parameters
      .map((pair) =>
        pair
          .split('=')
          .map((part) => encoded(decoded(part)))
          .join('='),
      )
      .toSorted()
      .join('&'),
    ...names.map((name) => `${name}:${(headers[name] ?? '').trim().replaceAll(/ +/g, ' ')}`),
    '',
    names.join(';'),
    hash,
  ].join('\n');
}

function isNow(time: string): boolean {
  const iso = time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  return Math.abs(Date.now() - Date.parse(iso)) < MAX_SKEW_MS;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const encoded = (text: string) =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
