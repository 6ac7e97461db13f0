/** @module Which web pages may ask (https://fetch.spec.whatwg.org/#http-cors-protocol): none but the named ones. */
import { ForbiddenError, MisdirectedError } from './http-errors.ts';
import type { Header } from './route.ts';
import type { HttpSettings } from './settings.ts';

const ALLOWED_HEADERS = 'authorization, content-type, idempotency-key, last-event-id, x-request-id';
const EXPOSED_HEADERS = 'link, location, retry-after, x-request-id';
const DAY_SECONDS = '86400';

/** Headers of an answer to a page of a named origin. */
export function corsHeaders(header: Header, { origins }: HttpSettings): Readonly<Record<string, string>> | undefined {
  if (origins.size === 0) return undefined;
  const origin = header('origin');
  if (origin === null || !origins.has(origin)) return { vary: 'Origin' };
  return {
    vary: 'Origin',
    'access-control-allow-origin': origin,
    'access-control-expose-headers': EXPOSED_HEADERS,
  };
}

/** Headers that tell a browser what a page may ask. */
export const preflightHeaders = (methods: readonly string[]): Readonly<Record<string, string>> => ({
  'access-control-allow-methods': methods.join(', '),
  'access-control-allow-headers': ALLOWED_HEADERS,
  'access-control-max-age': DAY_SECONDS,
});

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;

/** Whether a host name, without a port, can only mean the machine itself. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '127.0.0.1' || LOOPBACK.test(host);

/** The URL of a request is normalized. */
const ORIGIN = /^(https?:\/\/(\[[^\]]*\]|[^/:?#]*)(?::\d+)?)/;

/**
 * An open app trusts whoever reaches it, so a web page must not reach it by a name of its own, nor send it what browsers send
 * without asking.
 */
export class OpenGuard {
  readonly #settings: HttpSettings;
  /** The last origin that was let in, with a slash: most requests come to the same. */
  #known = '\0';

  constructor(settings: HttpSettings) {
    this.#settings = settings;
  }

  /**
   * @param isSimple Whether a browser sends such a request for a page of another origin without asking.
   * @throws MisdirectedError, ForbiddenError
   */
  check({ url, method }: Request, header: Header, isSimple: boolean): void {
    if (!url.startsWith(this.#known)) this.#known = `${this.#originOf(url)}/`;
    if (!isSimple || method === 'GET' || method === 'HEAD') return;
    const origin = header('origin');
    if (origin === null || `${origin}/` === this.#known || this.#settings.origins.has(origin)) return;
    throw new ForbiddenError('a page of another origin may not do this: name its origin in `origins`');
  }

  #originOf(url: string): string {
    const [, origin = '', host = ''] = ORIGIN.exec(url) ?? [];
    if (!isLoopback(host) && !this.#settings.hosts.has(host)) throw new MisdirectedError(host);
    return origin;
  }
}
