/** @module What the HTTP app can be told, and what holds where it is not. */
import type { Backend } from '../backends/backend.ts';
import { DEFAULT_NAMESPACE } from '../bus/bus.ts';
import type { Log } from '../bus/log.ts';
import type { Middleware } from '../bus/middleware/middleware.ts';
import type { Interest } from '../core/admission.ts';
import type { Clock } from '../core/clock.ts';
import { type FieldFault, InvalidArgumentError } from '../core/errors.ts';
import { show } from '../core/show.ts';
import { MAX_NAMESPACE, nameProblem } from '../core/topic.ts';
import type { TopicFamilies } from '../core/topic-family.ts';
import type { Guild } from '../guild/define-guild.ts';
import type { Authenticate } from './authenticate.ts';
import type { RateLimit } from './rate-limit.ts';

export interface HttpAppOptions {
  /** What is published to and read from; it stays open when the app closes. Give a `metered` one for `/metrics` to count. */
  readonly backend: Backend;
  /** Whose topics, formats and agents there are. @default - any topic and format; agents that have a subscription */
  readonly guild?: Guild;
  /** The topics, where the guild itself is not at hand. @default - those of `guild` */
  readonly families?: TopicFamilies;
  /** Subscriptions that explanations tell of, where the guild itself is not at hand. @default - those of `guild` */
  readonly interests?: readonly Interest[];
  /** What stands around publishing. @default - that of `guild` */
  readonly use?: readonly Middleware[];
  /** Who asks. @default - anybody may do everything, but only under a name of the local machine */
  readonly authenticate?: Authenticate;
  /** Web origins that may ask from a browser, such as `https://console.example`. @default - none */
  readonly origins?: readonly string[];
  /** Further host names under which an app without `authenticate` answers. @default - none */
  readonly hosts?: readonly string[];
  /** @default - the largest payload of the backend, and 1 MiB for the rest */
  readonly maxBodyBytes?: number;
  /** For each principal; false for none. @default - 1,000 a second, 2,000 at once; none without `authenticate` */
  readonly rateLimit?: RateLimit | false;
  /** How long an answer may take; streams only until they begin. @default 30,000 */
  readonly timeoutMs?: number;
  readonly streams?: StreamSettings;
  /** What `/health/ready` looks at besides the backend: each resolves if it is up. @default - nothing */
  readonly dependencies?: Readonly<Record<string, () => Promise<unknown>>>;
  /** Whose waiting deliveries `/metrics` tells, besides the namespaces in which this process works. @default ['default'] */
  readonly namespaces?: readonly string[];
  /** @default - the system's */
  readonly clock?: Clock;
  /** @default - JSON lines on standard error */
  readonly log?: Log;
}

export interface StreamSettings {
  /** Open at once. @default 1,000 */
  readonly max?: number;
  /** Open at once for one principal. @default 200 */
  readonly maxPerPrincipal?: number;
  /** How often something is sent though there is nothing to tell. @default 15,000 */
  readonly heartbeatMs?: number;
  /** How long a client may take nothing before it is dropped. @default 30,000 */
  readonly stallMs?: number;
}

export interface HttpSettings {
  readonly origins: ReadonlySet<string>;
  readonly hosts: ReadonlySet<string>;
  readonly maxBodyBytes: number;
  readonly rateLimit: RateLimit | undefined;
  readonly timeoutMs: number;
  readonly streams: Required<StreamSettings>;
  readonly namespaces: readonly string[];
}

const streamDefaults = { max: 1_000, maxPerPrincipal: 200, heartbeatMs: 15_000, stallMs: 30_000 } as const;
const RATE_LIMIT: RateLimit = { perSecond: 1_000, burst: 2_000 };
const TIMEOUT_MS = 30_000;
const MIB = 1024 * 1024;
const MAX_MS = 86_400_000;

/**
 * The settings, complete.
 *
 * @throws InvalidArgumentError with every fault.
 */
export function toSettings(options: HttpAppOptions): HttpSettings {
  const faults = optionFaults(options);
  if (faults.length > 0) throw new InvalidArgumentError(faults);
  const { backend, authenticate, origins = [], hosts = [], timeoutMs = TIMEOUT_MS, streams = {} } = options;
  const { maxBodyBytes = backend.features.maxPayloadBytes + MIB, namespaces = [DEFAULT_NAMESPACE] } = options;
  const rateLimit = options.rateLimit ?? (authenticate === undefined ? false : RATE_LIMIT);
  return {
    origins: new Set(origins),
    hosts: new Set(hosts),
    maxBodyBytes,
    rateLimit: rateLimit === false ? undefined : rateLimit,
    timeoutMs,
    streams: { ...streamDefaults, ...given(streams) },
    namespaces,
  };
}

const given = <T extends object>(object: T): T =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;

const NEED_GUILD = ['families', 'interests', 'use'] as const;

function optionFaults(options: HttpAppOptions): FieldFault[] {
  if (typeof options !== 'object' || options === null)
    return [{ field: 'options', problem: `got ${show(options)}: allowed is an object` }];
  const faults: FieldFault[] = [];
  const check = (field: string, isRight: boolean, value: unknown, allowed: string) =>
    isRight || faults.push({ field, problem: `got ${show(value)}: allowed is ${allowed}` });
  const { backend, guild, authenticate, rateLimit, streams = {}, namespaces = [], dependencies = {} } = options;
  check('backend', typeof backend?.append === 'function', backend, 'an open backend, such as openBackend gives');
  check('guild', guild === undefined || guild?.kind === 'guildwire.guild', guild, 'what defineGuild gave');
  check('authenticate', authenticate === undefined || typeof authenticate === 'function', authenticate, 'a function');
  if (guild !== undefined) {
    for (const field of NEED_GUILD)
      if (options[field] !== undefined) faults.push({ field, problem: 'comes with the guild: give one of them' });
  }
  for (const origin of list(options.origins)) check('origins', isOrigin(origin), origin, 'such as https://host:port');
  for (const host of list(options.hosts))
    check('hosts', typeof host === 'string' && /^[\w.:[\]-]+$/.test(host), host, 'a host name without a port');
  for (const namespace of list(namespaces)) {
    const problem = nameProblem(namespace, MAX_NAMESPACE);
    if (problem !== undefined) faults.push({ field: 'namespaces', problem });
  }
  for (const [name, check] of Object.entries(dependencies)) {
    if (name === 'backend' || typeof check !== 'function')
      faults.push({ field: `dependencies.${name}`, problem: 'is not a function under a name but "backend"' });
  }
  if (rateLimit !== undefined && rateLimit !== false) {
    check('rateLimit.perSecond', isAbove(rateLimit?.perSecond, 0), rateLimit?.perSecond, 'a number above 0');
    check('rateLimit.burst', isAbove(rateLimit?.burst, 0.999), rateLimit?.burst, 'a number from 1');
  }
  const wholes = { maxBodyBytes: options.maxBodyBytes, timeoutMs: options.timeoutMs };
  const ofStreams = Object.keys(streamDefaults).map(
    (field) => [`streams.${field}`, streams[field as keyof StreamSettings]] as const,
  );
  for (const [field, value] of [...Object.entries(wholes), ...ofStreams]) {
    const most = field.endsWith('Ms') ? MAX_MS : Number.MAX_SAFE_INTEGER;
    const isRight = value === undefined || (Number.isSafeInteger(value) && value >= 1 && value <= most);
    check(field, isRight, value, `a whole number from 1${most === MAX_MS ? ' to a day' : ''}`);
  }
  return faults;
}

const list = (value: readonly unknown[] | undefined): readonly unknown[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];
const isAbove = (value: unknown, least: number) => typeof value === 'number' && value > least && Number.isFinite(value);

function isOrigin(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  const url = URL.parse(value);
  return url !== null && (url.protocol === 'https:' || url.protocol === 'http:') && url.origin === value;
}
