/** What S3 makes of a presigned request, by its documents and not by the code under test: emulators take anything. */
import { createHash, createHmac } from 'node:crypto';

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const hash = (data: string | Uint8Array) => createHash('sha256').update(data);
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
const encoded = (text: string) =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);

/**
 * The code of the error with which S3 refuses it, or undefined
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html).
 */
export function refusalOf({ method, url, headers, body }: Asked, secret: string, at = Date.now()): string | undefined {
  const { host, pathname, searchParams } = new URL(url);
  const of = (name: string) => searchParams.get(`X-Amz-${name}`) ?? '';
  const [, date = '', region = '', service = '', end = ''] = of('Credential').split('/');
  const signedAt = Date.parse(of('Date').replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z'));
  if (at > signedAt + Number(of('Expires')) * 1_000) return 'AccessDenied';
  const sent: Readonly<Record<string, string>> = { ...headers, host, 'content-length': String(body.length) };
  const names = of('SignedHeaders').split(';');
  // What S3 obeys has to be signed.
  const unsigned = Object.keys(sent).filter((name) => /^(host|x-amz-.*)$/.test(name) && !names.includes(name));
  if (unsigned.length > 0) return 'AccessDenied';
  const query = [...searchParams]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .toSorted()
    .join('&');
  const lines = names.map((name) => `${name}:${sent[name] ?? ''}\n`).join('');
  const path = decodeURIComponent(pathname).split('/').map(encoded).join('/');
  const canonical = [method, path, query, lines, names.join(';'), 'UNSIGNED-PAYLOAD'].join('\n');
  const scope = [date, region, service, end];
  const text = ['AWS4-HMAC-SHA256', of('Date'), scope.join('/'), hash(canonical).digest('hex')].join('\n');
  const signature = hmac(scope.reduce<string | Buffer>(hmac, `AWS4${secret}`), text).toString('hex');
  if (signature !== of('Signature')) return 'SignatureDoesNotMatch';
  const checksum = sent['x-amz-checksum-sha256'];
  return checksum === undefined || checksum === hash(body).digest('base64') ? undefined : 'BadDigest';
}
