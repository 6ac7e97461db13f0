/** @module `fetch` for an API with IAM authorization: each request is signed with Signature Version 4. */
import { createHash, createHmac } from 'node:crypto';

export interface Signer {
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Told before each request. */
  readonly onRequest?: () => void;
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html; bodies are text. */
export function signedFetch({ region, credentials, onRequest }: Signer): typeof fetch {
  return async (input, init = {}) => {
    onRequest?.();
    const { accessKeyId, secretAccessKey } = credentials;
    const url = new URL(input instanceof Request ? input.url : input);
    const { method = 'GET', body } = init;
    const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const scope = [time.slice(0, 8), region, 'execute-api', 'aws4_request'];
    const request = [
      method,
      url.pathname.split('/').map(encoded).join('/'),
      queryOf(url),
      `host:${url.host}`,
      `x-amz-date:${time}`,
      '',
      'host;x-amz-date',
      sha256(typeof body === 'string' ? body : ''),
    ].join('\n');
    const text = ['AWS4-HMAC-SHA256', time, scope.join('/'), sha256(request)].join('\n');
    const signature = hmac(scope.reduce<Buffer | string>(hmac, `AWS4${secretAccessKey}`), text).toString('hex');
    const headers = new Headers(init.headers);
    headers.set('x-amz-date', time);
    headers.set(
      'authorization',
      `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope.join('/')}, SignedHeaders=host;x-amz-date, Signature=${signature}`,
    );
    return fetch(url, { ...init, headers });
  };
}

const queryOf = ({ searchParams }: URL) =>
  [...searchParams]
    .map((pair) => pair.map(encoded).join('='))
    .toSorted()
    .join('&');

/** Each byte but those that RFC 3986 reserves for nothing; segments of a path are encoded already, and are encoded again. */
const encoded = (text: string) =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
const sha256 = (data: string) => createHash('sha256').update(data).digest('hex');
const hmac = (key: Buffer | string, text: string) => createHmac('sha256', key).update(text).digest();
