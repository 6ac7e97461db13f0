import { createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';

/** A certificate authority that nobody trusts yet, and a certificate of it for 127.0.0.1 and localhost; all as PEM. */
export interface Certificates {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const COMMON_NAME = '2.5.4.3';
const BASIC_CONSTRAINTS = '2.5.29.19';
const ALTERNATIVE_NAMES = '2.5.29.17';
const DAY_MS = 86_400_000;

/** Made with nothing but Node, as X.509 in DER, so that no test needs another program. */
export function createCertificates(): Certificates {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const isAuthority = extension(BASIC_CONSTRAINTS, der(SEQUENCE, Buffer.from([0x01, 0x01, 0xff])), true);
  const names = der(SEQUENCE, der(0x82, Buffer.from('localhost')), der(0x87, Buffer.from([127, 0, 0, 1])));
  const sign = (subject: string, key: KeyObject, extensions: Buffer) =>
    certificate('guildwire test CA', subject, key, extensions, authority.privateKey);
  return {
    ca: sign('guildwire test CA', authority.publicKey, isAuthority),
    certificate: sign('guildwire test server', server.publicKey, extension(ALTERNATIVE_NAMES, names, false)),
    key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function certificate(issuer: string, subject: string, key: KeyObject, extensions: Buffer, by: KeyObject): string {
  const algorithm = der(SEQUENCE, oid(ECDSA_WITH_SHA256));
  const content = der(
    SEQUENCE,
    der(0xa0, der(0x02, Buffer.from([2]))),
    // Positive, and not 0.
    der(0x02, Buffer.concat([Buffer.from([0x01]), randomBytes(8)])),
    algorithm,
    distinguished(issuer),
    der(SEQUENCE, time(Date.now() - DAY_MS), time(Date.now() + DAY_MS)),
    distinguished(subject),
    key.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(SEQUENCE, extensions)),
  );
  const signature = createSign('sha256').update(content).sign(by);
  const whole = der(SEQUENCE, content, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = whole.toString('base64').replaceAll(/.{64}/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

const distinguished = (name: string) =>
  der(SEQUENCE, der(SET, der(SEQUENCE, oid(COMMON_NAME), der(0x0c, Buffer.from(name)))));

const extension = (name: string, value: Buffer, isCritical: boolean) =>
  der(SEQUENCE, oid(name), ...(isCritical ? [der(0x01, Buffer.from([0xff]))] : []), der(0x04, value));

const time = (ms: number) => der(0x17, Buffer.from(new Date(ms).toISOString().replaceAll(/^20|[-:T]|\.\d+/g, '')));

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = rest.flatMap((value) => {
    const digits = [value & 127];
    for (let left = value >> 7; left > 0; left >>= 7) digits.unshift((left & 127) | 128);
    return digits;
  });
  return der(0x06, Buffer.from([first * 40 + second, ...bytes]));
}

/** A value with its kind and its length before it. */
function der(kind: number, ...parts: readonly Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  const digits: number[] = [];
  for (let left = value.length; left > 0; left >>= 8) digits.unshift(left & 255);
  const length = value.length < 128 ? [value.length] : [128 | digits.length, ...digits];
  return Buffer.concat([Buffer.from([kind, ...length]), value]);
}
