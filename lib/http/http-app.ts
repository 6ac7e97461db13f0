/** @module What a host gets to serve. */

/** What only the host of a request can do. */
export interface Host {
  /** Cuts the connection of the request, whatever is still on its way. */
  readonly drop?: () => void;
  /** A header of the request, where the host has them at hand: `Headers` are dear. The name is in lower case. */
  readonly header?: (name: string) => string | undefined;
}

export interface HttpApp {
  /** Answers a request; never rejects. */
  readonly fetch: (request: Request, host?: Host) => Promise<Response>;
  /** The same by path, for tests and for programs in the same process. */
  readonly request: (path: string, init?: RequestInit) => Promise<Response>;
  /** Whether anybody may do everything, so that it must not be reached from elsewhere. */
  readonly isOpen: boolean;
  /** Streams that are open now. */
  readonly openStreams: number;
  /** Ends all streams and is no longer ready; other requests are still answered. Resolves when the last stream has ended. */
  readonly close: () => Promise<void>;
}
