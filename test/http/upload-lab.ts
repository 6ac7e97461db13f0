import { createHash } from 'node:crypto';
import type { Backend, Json } from 'guildwire';
import { InvalidMessageError, PayloadTooLargeError } from 'guildwire';
import type { Upload, UploadPlace } from 'guildwire/backend';

const MAX_BYTES = 25 * 1_024 * 1_024;
const HOST = 'https://store.example';

/** A store beside a backend, which takes what it has a place for. */
export class UploadLab {
  /** By namespace and digest. */
  readonly stored = new Map<string, Uint8Array>();
  /** Answers of the store to the next uploads, instead of taking them; an error is a connection that breaks. */
  readonly failures: (number | Error)[] = [];
  readonly requests: { readonly url: string; readonly init: RequestInit }[] = [];

  /** The backend, with this store for its uploads. */
  readonly wrap = (backend: Backend): Backend => {
    const uploads = {
      place: async (namespace: string, { bytes, sha256 }: Upload): Promise<UploadPlace> => {
        if (bytes > MAX_BYTES) throw new PayloadTooLargeError(bytes, MAX_BYTES);
        const url = `${HOST}/${namespace}/${sha256}?signature=secret`;
        return { method: 'PUT', url, headers: { 'x-digest': sha256 }, expiresAt: 900_000 };
      },
      payload: async (namespace: string, { bytes, sha256 }: Upload): Promise<Json> => {
        const found = this.stored.get(`${namespace}/${sha256}`);
        if (found?.length === bytes) return JSON.parse(new TextDecoder().decode(found)) as Json;
        throw new InvalidMessageError([{ field: 'attachment', problem: 'is not there' }]);
      },
    };
    return new Proxy(backend, {
      get(target, property) {
        if (property === 'uploads') return uploads;
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  };

  readonly fetch: typeof fetch = async (input, init = {}) => {
    const url = String(input);
    this.requests.push({ url, init });
    const failure = this.failures.shift();
    if (failure instanceof Error) throw failure;
    if (failure !== undefined) return new Response('<Error/>', { status: failure });
    const body = new Uint8Array(await new Response(init.body).arrayBuffer());
    const digest = createHash('sha256').update(body).digest('hex');
    if (new Headers(init.headers).get('x-digest') !== digest) return new Response('<Error/>', { status: 400 });
    this.stored.set(new URL(url).pathname.slice(1), body);
    return new Response();
  };

  /** Puts it there as if it had been uploaded. */
  put(text: string, namespace = 'default'): Upload {
    const body = new TextEncoder().encode(text);
    const sha256 = createHash('sha256').update(body).digest('hex');
    this.stored.set(`${namespace}/${sha256}`, body);
    return { bytes: body.length, sha256 };
  }
}
