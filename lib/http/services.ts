/** @module What all routes work with. */
import type { Backend } from '../backends/backend.ts';
import type { Log } from '../bus/log.ts';
import type { Interest } from '../core/admission.ts';
import type { Clock } from '../core/clock.ts';
import type { Guild } from '../guild/define-guild.ts';
import type { Buses } from './buses.ts';
import type { EventTexts } from './event-texts.ts';
import type { KnownFormats } from './known-formats.ts';
import type { HttpSettings } from './settings.ts';
import type { Streams } from './streams.ts';

export interface Services {
  readonly backend: Backend;
  readonly guild: Guild | undefined;
  /** Of the agents that are known without asking the backend. */
  readonly interests: readonly Interest[];
  readonly buses: Buses;
  readonly formats: KnownFormats;
  readonly streams: Streams;
  readonly eventTexts: EventTexts;
  readonly settings: HttpSettings;
  readonly dependencies: Readonly<Record<string, () => Promise<unknown>>>;
  readonly clock: Clock;
  readonly log: Log;
  /** Lines of `/metrics` about the HTTP API itself. */
  readonly requestLines: () => readonly string[];
  /** The document of all routes, as JSON. */
  readonly document: () => Promise<string>;
}
