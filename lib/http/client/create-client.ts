/** @module Makes clients. */
import { type Clock, systemClock } from '../../core/clock.ts';
import { type FieldFault, InvalidArgumentError } from '../../core/errors.ts';
import { durationRule } from '../../core/message-rules.ts';
import { show } from '../../core/show.ts';
import { MAX_NAMESPACE, nameProblem } from '../../core/topic.ts';
import { Client } from './client.ts';
import { Transport } from './transport.ts';

export interface ClientOptions {
  /** Of the server, such as `http://127.0.0.1:4100`; may have a path. */
  readonly url: string;
  /** The running instance of the guild. @default 'default' */
  readonly namespace?: string;
  /** Who asks, where the server wants to know. @default - none */
  readonly token?: string;
  /** How long an answer may take to begin. @default 40,000, which is longer than the server takes to say that it cannot */
  readonly timeoutMs?: number;
  /** How long a message of `publishMany` waits for others, to travel in one batch. @default 5 */
  readonly lingerMs?: number;
  /** How long a tail waits for a sign of life, which a server gives every 15 s. @default 45,000 */
  readonly idleMs?: number;
  /** @default - that of the platform */
  readonly fetch?: typeof fetch;
  /** Puts large payloads where the server says, which is another host; it gets no token. @default - that of the platform */
  readonly uploadFetch?: typeof fetch;
  /** @default - the system's */
  readonly clock?: Clock;
  /** Numbers in [0, 1), for jitter. @default Math.random */
  readonly random?: () => number;
}

const defaults = { namespace: 'default', timeoutMs: 40_000, lingerMs: 5, idleMs: 45_000 } as const;

/**
 * A client of a server of Guildwire, with the calls of a `Bus`. It holds no connection of its own.
 *
 * @throws InvalidArgumentError with every fault.
 * @example
 * const client = createClient({ url: 'http://127.0.0.1:4100', namespace: 'guild-123' });
 * await client.publish('doc.tasks', Task, { text: 'Hello' });
 */
export function createClient(options: ClientOptions): Client {
  const faults = optionFaults(options);
  if (faults.length > 0) throw new InvalidArgumentError(faults);
  const { url, token, clock = systemClock, random = Math.random } = options;
  const { namespace = defaults.namespace, timeoutMs = defaults.timeoutMs } = options;
  const { lingerMs = defaults.lingerMs, idleMs = defaults.idleMs } = options;
  // Called as a function of its own, as browsers want it.
  const plain: typeof fetch = (...given) => fetch(...given);
  const { fetch: send = plain, uploadFetch: put = plain } = options;
  const transport = new Transport({ url: url.replace(/\/+$/, ''), token, fetch: send, timeoutMs, clock });
  const putting = { put, timeoutMs, clock, random };
  return new Client({ namespace, transport, putting, clock, random, lingerMs, idleMs });
}

function optionFaults(options: ClientOptions): FieldFault[] {
  if (typeof options !== 'object' || options === null)
    return [{ field: 'options', problem: `got ${show(options)}: allowed is an object` }];
  const faults: FieldFault[] = [];
  const check = (field: string, problem: string | undefined) =>
    problem !== undefined && faults.push({ field, problem });
  const { url, namespace, token } = options;
  const parsed = typeof url === 'string' ? URL.parse(url) : null;
  const isHttp = parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.search === '' && parsed.hash === '';
  // A password may stand in a URL, so it is not shown.
  check(
    'url',
    isHttp ? undefined : 'is no http or https URL without a query: allowed is such as http://127.0.0.1:4100',
  );
  if (isHttp && parsed.username !== '') check('url', 'holds credentials: give them as `token`');
  if (namespace !== undefined) check('namespace', nameProblem(namespace, MAX_NAMESPACE));
  if (token !== undefined && (typeof token !== 'string' || !/^[!-~]+$/.test(token)))
    check('token', 'is not visible characters without a space');
  for (const field of ['timeoutMs', 'lingerMs', 'idleMs'] as const)
    if (options[field] !== undefined) check(field, durationRule(options[field]));
  return faults;
}
