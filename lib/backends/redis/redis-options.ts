/** @module How the Redis backend is opened, and what it can do. */
import type { ConnectionOptions } from 'node:tls';
import { type Clock, systemClock } from '../../core/clock.ts';
import { type FieldFault, InvalidArgumentError } from '../../core/errors.ts';
import { show } from '../../core/show.ts';
import type { TopicFamilies } from '../../core/topic-family.ts';
import type { Features } from '../features.ts';

/** `reconnecting` comes before each attempt to get a lost connection back. */
export type ConnectionState = 'connected' | 'lost' | 'reconnecting';

export interface ConnectionDetail {
  /** Why there is none, as far as it is known. */
  readonly reason?: string;
  /** How long it is until the next attempt, in ms. */
  readonly inMs?: number;
}

export interface RedisOptions {
  /** Begins every key. @default 'guildwire' */
  readonly prefix?: string;
  /** How long messages are kept, by topic. @default - 30 days for all */
  readonly families?: TopicFamilies;
  /** How long a call waits for the server before it rejects with `BackendUnavailableError`, in ms, at most 25,000. @default 5,000 */
  readonly timeoutMs?: number;
  /** Replicas that must have what is published and settled before it is; not for a cluster. @default 0 */
  readonly replicas?: number;
  /** How often a consumer that waits looks by itself, in ms: it is how late one notices that another is gone. @default 1,000 */
  readonly pollMs?: number;
  /** How often what is past its retention is let go of, in ms; 0 for never by this client. @default 300,000 */
  readonly sweepMs?: number;
  /** After how many days without a consumer a subscription is given up, and told of in `$errors`; 0 for never. @default 30 */
  readonly abandonAfterDays?: number;
  /** Certificates and the like, for `rediss:`. @default - what Node trusts */
  readonly tls?: ConnectionOptions;
  /** By `host:port` as the nodes of a cluster tell it: where they are reached from here. @default - where they say */
  readonly natMap?: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
  /** What the Sentinels want before they answer. @default - nothing */
  readonly sentinelPassword?: string;
  /** Told whenever the connection comes or goes, to log or count it; must not throw. @default - nobody is told */
  readonly onConnection?: (state: ConnectionState, detail: ConnectionDetail) => void;
  /** What leases are told by; deliveries are timed by the server's clock. @default - the system's */
  readonly clock?: Clock;
  /** Numbers in [0, 1) for the random part of ids. @default - cryptographic */
  readonly random?: () => number;
}

type Absent = 'families' | 'natMap' | 'random' | 'tls' | 'onConnection' | 'sentinelPassword';

/** With every default filled in. */
export type RedisSettings = Required<Omit<RedisOptions, Absent>> & Pick<RedisOptions, Absent>;

const defaults = {
  prefix: 'guildwire',
  timeoutMs: 5_000,
  pollMs: 1_000,
  replicas: 0,
  sweepMs: 300_000,
  abandonAfterDays: 30,
  clock: systemClock,
} as const;

/** Answers to calls are kept a little longer than this, for those that are repeated. */
const MAX_TIMEOUT_MS = 25_000;
const SMALLEST = { timeoutMs: 1, pollMs: 1, replicas: 0, sweepMs: 0, abandonAfterDays: 0 } as const;

/** @throws InvalidArgumentError with every fault. */
export function redisSettings(options: RedisOptions): RedisSettings {
  const settings = { ...defaults, ...options };
  const faults: FieldFault[] = Object.entries(SMALLEST)
    .filter(([field, smallest]) => !(settings[field as keyof typeof SMALLEST] >= smallest))
    .map(([field, smallest]) => ({
      field,
      problem: `got ${show(settings[field as keyof typeof SMALLEST])}: allowed is a number, ${smallest} or more`,
    }));
  if (settings.timeoutMs > MAX_TIMEOUT_MS)
    faults.push({ field: 'timeoutMs', problem: `got ${settings.timeoutMs}: allowed is at most ${MAX_TIMEOUT_MS}` });
  if (!/^[A-Za-z0-9_.-]+$/.test(settings.prefix))
    faults.push({ field: 'prefix', problem: 'allowed are A-Z, a-z, 0-9, _, . and -' });
  if (faults.length > 0) throw new InvalidArgumentError(faults);
  return settings;
}

export const DAY_MS = 86_400_000;

export function redisFeatures({ pollMs, abandonAfterDays }: RedisSettings): Features {
  return {
    runtimeSubscriptions: true,
    startFrom: ['now', 'beginning', 'id'],
    orderingByKey: true,
    priorities: 'strict',
    plans: true,
    guarantees: ['at-least-once', 'at-most-once', 'exactly-once'],
    maxDelayMs: 365 * DAY_MS,
    delayPrecisionMs: pollMs,
    pausing: true,
    tailHorizonMs: 0,
    tailing: true,
    progress: true,
    minLeaseMs: 1,
    takeoverMs: pollMs,
    pauseDelayMs: 0,
    maxAwayMs: abandonAfterDays === 0 ? Number.POSITIVE_INFINITY : abandonAfterDays * DAY_MS,
    maxOutputs: 500,
    maxInlineBytes: 256 * 1024,
    uploads: false,
    maxPayloadBytes: 25 * 1024 * 1024,
    clock: 'store',
  };
}
