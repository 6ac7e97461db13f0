/** @module Of the HTTP API only what whoever runs a process asks it: health and metrics. */
import type { HttpApp } from '../../http/http-app.ts';

const PROBES: ReadonlySet<string> = new Set(['/health/live', '/health/ready', '/metrics']);
/** Where the API has nothing. */
const NOWHERE = '/';

/** The app without all its other routes, which are not found. */
export function probesOf(app: HttpApp): HttpApp {
  const fetch: HttpApp['fetch'] = (request, host) => {
    const url = new URL(request.url);
    if (PROBES.has(url.pathname)) return app.fetch(request, host);
    return app.fetch(new Request(new URL(NOWHERE, url), { headers: request.headers }), host);
  };
  return {
    fetch,
    request: (path, init) => fetch(new Request(new URL(path, 'http://localhost'), init)),
    close: () => app.close(),
    get isOpen() {
      return app.isOpen;
    },
    get openStreams() {
      return app.openStreams;
    },
  };
}
