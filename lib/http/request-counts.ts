/** @module How many requests were answered, by route and status. */
import { headerLines, sampleLine } from '../backends/metered/series.ts';

export class RequestCounts {
  readonly #counts = new Map<string, Record<number, number>>();

  add(route: string, status: number): void {
    let counts = this.#counts.get(route);
    if (counts === undefined) {
      counts = {};
      this.#counts.set(route, counts);
    }
    counts[status] = (counts[status] ?? 0) + 1;
  }

  /** In the text format of Prometheus. */
  lines(streams: number): readonly string[] {
    const name = 'guildwire_http_requests_total';
    const samples = [...this.#counts].flatMap(([route, counts]) =>
      Object.entries(counts).map(([status, count]) => sampleLine(name, { route, status }, count)),
    );
    return [
      ...headerLines(name, 'Requests that were answered.', 'counter'),
      ...samples,
      ...headerLines('guildwire_http_streams', 'Streams that are open.', 'gauge'),
      sampleLine('guildwire_http_streams', {}, streams),
    ];
  }
}
