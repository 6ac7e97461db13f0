/** @module What the backend on AWS works with: where things are, what the guild is, and what tests put in the platform's place. */
import type { Interest } from '../../core/admission.ts';
import type { Clock } from '../../core/clock.ts';
import { systemClock } from '../../core/clock.ts';
import { type FieldFault, InvalidArgumentError } from '../../core/errors.ts';
import { show } from '../../core/show.ts';
import { TopicFamilies } from '../../core/topic-family.ts';
import { queueUrlsOf } from '../../environment/aws-queue-names.ts';
import { awsEnvironment, awsVariables } from '../../environment/aws-variables.ts';
import type { GuildManifest, ManifestFamily } from '../../environment/guild-manifest.ts';

export type AwsService = 'dynamodb' | 'sqs' | 'sns' | 's3' | 'lambda';

export interface AwsQueue {
  readonly url: string;
  /** Of an agent with lanes. */
  readonly urgentUrl?: string;
  /** Whether they are FIFO queues. */
  readonly isOrdered: boolean;
}

/** Where a deployment lies; what is left out comes from the environment that its functions have. */
export interface AwsConnection {
  /** @default - as the SDK finds it */
  readonly region?: string;
  readonly messagesTable?: string;
  readonly ledgerTable?: string;
  /** Without it payloads beyond the inline limit are refused. */
  readonly bucket?: string;
  readonly topicArnPrefix?: string;
  readonly delaysQueue?: string;
  readonly safetyQueue?: string;
  readonly queues?: Readonly<Record<string, AwsQueue>>;
  /** Those that it serves; left out where it serves any. Event sources follow the pause of an agent in all of them. */
  readonly namespaces?: readonly string[];
  /** By agent, UUIDs of the event source mappings of its function. @default - none is known: the janitor knows them */
  readonly sources?: Readonly<Record<string, readonly string[]>>;
}

export interface AwsOptions extends AwsConnection {
  readonly manifest: GuildManifest;
  /** @default - those of the manifest */
  readonly families?: TopicFamilies;
  /** @default - the system's */
  readonly clock?: Clock;
  /** Numbers in [0, 1): ids and jitter. @default - the platform's */
  readonly random?: () => number;
  /** How long a call is repeated while AWS throttles, fails or does not answer, in ms. @default 10,000 */
  readonly timeoutMs?: number;
  /** Longest pause between two looks of who follows the log, in ms; each look is paid for. @default 1,000 */
  readonly tailPollMs?: number;
  /** @default - AWS's own, or what the SDK's environment variables say */
  readonly endpoints?: Partial<Readonly<Record<AwsService, string>>>;
  /** @default - as the SDK finds them */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Options and environment, complete and checked. */
export interface AwsSettings extends Omit<AwsConnection, 'messagesTable' | 'ledgerTable' | 'queues' | 'sources'> {
  readonly messagesTable: string;
  readonly ledgerTable: string;
  /** By agent. */
  readonly queues: Readonly<Record<string, AwsQueue>>;
  /** By agent. */
  readonly sources: Readonly<Record<string, readonly string[]>>;
  readonly manifest: GuildManifest;
  readonly families: TopicFamilies;
  readonly tracing: boolean;
  /** Whether the index by thread is kept. */
  readonly threads: boolean;
  readonly clock: Clock;
  /** Undefined for the platform's. */
  readonly random: (() => number) | undefined;
  readonly timeoutMs: number;
  readonly tailPollMs: number;
  readonly endpoints: Partial<Readonly<Record<AwsService, string>>>;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_TAIL_POLL_MS = 1_000;

/**
 * Options, completed from the environment.
 *
 * @throws InvalidArgumentError naming everything that is missing or wrong.
 */
export function awsSettings(options: AwsOptions, environment = awsEnvironment()): AwsSettings {
  const { manifest, families, clock = systemClock, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const { tailPollMs = DEFAULT_TAIL_POLL_MS } = options;
  const faults: FieldFault[] = [];
  const needed = (field: 'messagesTable' | 'ledgerTable'): string => {
    const name = options[field] ?? environment[field];
    if (name !== undefined) return name;
    faults.push({ field, problem: 'is missing: name it, or run where a deployment has set its variable' });
    return '';
  };
  for (const [field, ms] of Object.entries({ timeoutMs, tailPollMs })) {
    if (!Number.isFinite(ms) || ms < 1)
      faults.push({ field, problem: `got ${show(ms)}: allowed is a number of ms from 1 on` });
  }
  const queues = options.queues ?? allQueues(manifest, environment) ?? ownQueue(manifest, environment);
  if (environment.queues !== undefined && Object.keys(queues).length === 0)
    faults.push({ field: awsVariables.queues, problem: 'is no JSON with url and names: the deployment sets it' });
  const sources = options.sources ?? sourcesOf(environment);
  if (sources === undefined)
    faults.push({ field: awsVariables.sources, problem: 'is no JSON with UUIDs by agent: the deployment sets it' });
  const namespaces = options.namespaces ?? namespacesOf(environment);
  const tables = { messagesTable: needed('messagesTable'), ledgerTable: needed('ledgerTable') };
  if (faults.length > 0) throw new InvalidArgumentError(faults);
  const places = ['bucket', 'topicArnPrefix', 'delaysQueue', 'safetyQueue'] as const;
  return {
    ...tables,
    ...(options.region !== undefined && { region: options.region }),
    ...Object.fromEntries(
      places.flatMap((place) => {
        const value = options[place] ?? environment[place];
        return value === undefined ? [] : [[place, value]];
      }),
    ),
    queues,
    sources: sources ?? {},
    ...(namespaces !== undefined && { namespaces }),
    manifest,
    families: families ?? familiesOf(manifest),
    tracing: manifest.tracing,
    threads: manifest.threads,
    clock,
    random: options.random,
    timeoutMs,
    tailPollMs,
    endpoints: options.endpoints ?? {},
    ...(options.credentials !== undefined && { credentials: options.credentials }),
  };
}

/** Those that a function knows which counts what waits. */
function allQueues({ agents }: GuildManifest, { queues }: ReturnType<typeof awsEnvironment>) {
  const urls = queues === undefined ? undefined : queueUrlsOf(queues);
  if (urls === undefined) return undefined;
  const known = agents.filter(({ name }) => urls[name] !== undefined);
  return Object.fromEntries(
    known.map(({ name, ordering }): [string, AwsQueue] => {
      return [name, { ...(urls[name] as { url: string }), isOrdered: ordering === 'key' }];
    }),
  );
}

/** The queue of the one agent that an agent's function knows. */
function ownQueue(
  { agents }: GuildManifest,
  { agent, queue, urgentQueue }: ReturnType<typeof awsEnvironment>,
): Readonly<Record<string, AwsQueue>> {
  if (agent === undefined || queue === undefined) return {};
  const isOrdered = agents.some(({ name, ordering }) => name === agent && ordering === 'key');
  return { [agent]: { url: queue, isOrdered, ...(urgentQueue !== undefined && { urgentUrl: urgentQueue }) } };
}

/** Undefined if the variable holds anything else. */
function sourcesOf({ sources = '{}' }: ReturnType<typeof awsEnvironment>): AwsSettings['sources'] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(sources);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const uuids = Object.entries(parsed).map(([agent, each]) => [agent, [each].flat()] as const);
  return uuids.every(([, each]) => each.every((uuid) => typeof uuid === 'string'))
    ? Object.fromEntries(uuids)
    : undefined;
}

/** Undefined for any. */
function namespacesOf({ namespaces }: ReturnType<typeof awsEnvironment>): readonly string[] | undefined {
  return namespaces === undefined || namespaces === '*' ? undefined : namespaces.split(',').map((name) => name.trim());
}

/** The families of a manifest. They name no formats: those were checked when the message was published. */
export function familiesOf({ declared, inferred, allowUndeclared }: GuildManifest): TopicFamilies {
  const family = ({ pattern, retentionDays, relay, shards }: ManifestFamily) => ({
    pattern,
    retentionDays,
    relay,
    shards,
    formats: [],
  });
  return new TopicFamilies(declared.map(family), allowUndeclared, inferred.map(family));
}

/** The pattern of the family that a topic belongs to, reserved ones included; undefined if it is in none. */
export function familyPatternOf({ families }: Pick<AwsSettings, 'families'>, topic: string): string | undefined {
  return families.of(topic)?.pattern;
}

/** Whether a topic is in a family that an ordered agent follows, so that its messages lie and travel by key. */
export function isOrderedTopic(settings: Pick<AwsSettings, 'families' | 'manifest'>, topic: string): boolean {
  const pattern = familyPatternOf(settings, topic);
  return pattern !== undefined && settings.manifest.ordered.includes(pattern);
}

/** The patterns that an agent follows; none if the deployment has no such agent. */
export function patternsOf({ manifest }: Pick<AwsSettings, 'manifest'>, agent: string): readonly string[] {
  return manifest.agents.find(({ name }) => name === agent)?.patterns ?? [];
}

/** What an agent's subscription says about whom it is for; undefined if the deployment has no such agent. */
export function interestOf({ manifest }: Pick<AwsSettings, 'manifest'>, agent: string): Interest | undefined {
  const found = manifest.agents.find(({ name }) => name === agent);
  return found && { agent, patterns: found.patterns, onlyWhenTagged: found.onlyWhenTagged };
}
