/**
 * @module The backend on AWS: a log in DynamoDB, queues of SQS behind topics of SNS, a ledger in DynamoDB. Its queues and
 * subscriptions are made by a deployment.
 */
import { InvalidArgumentError, NotFoundError, UnsupportedFeatureError } from '../../core/errors.ts';
import type { GemstoneId } from '../../core/gemstone-id.ts';
import type { Draft, Message, MessageKey } from '../../core/message.ts';
import { show } from '../../core/show.ts';
import { functionMemoryMb } from '../../environment/aws-variables.ts';
import type {
  AgentStats,
  Backend,
  Cursor,
  Fate,
  Lease,
  LeaseRequest,
  Outcome,
  Page,
  Plan,
  PlanId,
  PlanRequest,
  Progress,
  ProgressWait,
  ReadQuery,
  Settlement,
  Subscription,
} from '../backend.ts';
import type { Features } from '../features.ts';
import { noUploads, type Uploads } from '../uploads.ts';
import { awsFeatures } from './aws-features.ts';
import { type AwsParts, awsParts } from './aws-parts.ts';
import { type AwsOptions, awsSettings } from './aws-settings.ts';
import type { SwitchMapping } from './calls/switch-mapping.ts';
import type { Settled } from './ledger/settlements.ts';
import { readState, type Versioned } from './ledger/state.ts';
import { subscriptionProblem } from './ledger/subscription-problem.ts';
import type { Appended } from './log/log-writer.ts';
import type { OpenUploads } from './log/uploads.ts';
import { AgentQueue } from './queues/agent-queue.ts';
import { LambdaBatch, type QueueEvent } from './queues/lambda-batch.ts';

export interface AwsBackendOptions extends AwsOptions {
  /** How long what arrives for a paused agent stays in its queue unseen, in ms: up to 1,000 receipts are a pause. @default 1,200,000 */
  readonly pausedMs?: number;
  /** How long a worker's poll waits for a message, in ms, up to 20,000. @default 20,000 */
  readonly pollMs?: number;
}

export interface LeasesOfOptions {
  /** The agent whose function was started. */
  readonly agent: string;
  /** Unix ms at which the function ends. */
  readonly until: number;
  /** Those that the function may serve. @default - any */
  readonly namespaces?: readonly string[];
}

const DEFAULTS = { pausedMs: 20 * 60_000, pollMs: 20_000 } as const;
/** What a poll that brings nothing any more may take when the backend is closed. */
const CLOSING_MS = 2_000;

export class AwsBackend implements Backend {
  readonly name = 'aws';
  readonly features: Features;
  readonly uploads: Uploads;
  readonly #options: Required<Pick<AwsBackendOptions, 'pausedMs' | 'pollMs'>>;
  readonly #parts: AwsParts;
  readonly #switcher: SwitchMapping | undefined;
  readonly #queues = new Map<string, AgentQueue>();

  /**
   * @param switcher Turns event sources off and on when agents are paused; without it that is left to the janitor.
   * @param openUploads Lets publishers put large payloads into the bucket; without it there are no uploads.
   * @throws InvalidArgumentError naming everything that is missing or wrong.
   */
  constructor(options: AwsBackendOptions, switcher?: SwitchMapping, openUploads?: OpenUploads) {
    const { pausedMs = DEFAULTS.pausedMs, pollMs = DEFAULTS.pollMs } = options;
    const settings = awsSettings(options);
    this.#options = { pausedMs, pollMs };
    this.features = awsFeatures({ tracing: settings.tracing, pausedMs, uploads: openUploads !== undefined });
    this.#parts = awsParts(settings, pausedMs);
    this.#switcher = switcher;
    const { calls, attachments } = this.#parts;
    this.uploads = openUploads?.(calls, attachments) ?? noUploads(this.name, this.features);
    this.#parts.switches.onSet = (agent) => this.#queues.get(agent)?.look();
  }

  async append(drafts: readonly Draft[], nonce: string): Promise<Appended[]> {
    for (const { message } of drafts) this.#mustServe(message.namespace);
    return await this.#parts.writer.append(drafts, nonce);
  }

  read(query: ReadQuery): Promise<Page<Message>> {
    return this.#parts.reader.read(query);
  }

  topics(namespace: string, after?: Cursor): Promise<Page<{ readonly topic: string; readonly lastId: GemstoneId }>> {
    return this.#parts.reader.topics(namespace, after);
  }

  /** Checks that the deployment has it; it is the deployment that makes subscriptions. */
  async subscribe(subscription: Subscription): Promise<void> {
    if (subscription.from !== 'now')
      throw new UnsupportedFeatureError(this.name, 'subscriptions that start in the past: replay what the agent needs');
    const problem = subscriptionProblem(this.#parts.calls.settings, subscription);
    if (problem !== undefined) throw new InvalidArgumentError([{ field: 'agents', problem }]);
    this.#mustServe(subscription.namespace);
  }

  async unsubscribe(): Promise<void> {
    throw new UnsupportedFeatureError(this.name, 'ending a subscription: pause the agent, or deploy without it');
  }

  /** The event sources of the agent's function follow: off while it is paused in all namespaces of the deployment. */
  async pause(namespace: string, agent: string, paused: boolean): Promise<void> {
    if (this.#agentOf(agent) === undefined)
      throw new NotFoundError(`subscription of agent "${agent}" in namespace "${namespace}"`);
    const { dynamodb, switches } = this.#parts;
    const { Pausing } = await import('./ledger/pausing.ts');
    await new Pausing(dynamodb, switches, this.#switcher).set(namespace, agent, paused);
  }

  async lease(request: LeaseRequest): Promise<readonly Lease[]> {
    return this.#queueOf(request.agent).lease(request);
  }

  /** The deliveries of the event that an agent's function was started with, in place of `lease`. */
  leasesOf(event: QueueEvent, { agent: name, until, namespaces }: LeasesOfOptions): LambdaBatch {
    const { calls, acks, intake } = this.#parts;
    const { agent, queue } = this.#mustHave(name);
    const { clock } = calls;
    const memoryMb = functionMemoryMb();
    return new LambdaBatch(event, { agent, queue, namespaces, until, clock, acks, intake, memoryMb });
  }

  start(leases: readonly Lease[]): Promise<Outcome[]> {
    return this.#parts.consumers.start(leases);
  }

  extend(leases: readonly Lease[], leaseMs: number): Promise<Outcome<{ readonly until: number }>[]> {
    return this.#parts.consumers.extend(leases, leaseMs);
  }

  settle(settlements: readonly Settlement[]): Promise<Settled[]> {
    return this.#parts.settlements.settle(settlements);
  }

  async plan(request: PlanRequest): Promise<Plan> {
    return (await this.#plans()).make(request);
  }

  async runPlan(id: PlanId, { max }: { readonly max: number }): Promise<Plan> {
    return (await this.#plans()).run(id, max);
  }

  state(namespace: string, agent: string, keys: readonly string[]): Promise<readonly Versioned[]> {
    const { dynamodb, calls } = this.#parts;
    return readState(dynamodb, calls.settings.ledgerTable, namespace, agent, keys);
  }

  async progress(namespace: string, root: GemstoneId, wait: ProgressWait): Promise<Progress> {
    return (await this.#progress()).progress(namespace, root, wait);
  }

  async fates(namespace: string, key: MessageKey): Promise<readonly Fate[]> {
    return (await this.#progress()).fates(namespace, key);
  }

  async stats(namespace: string): Promise<readonly AgentStats[]> {
    const { Stats } = await import('./ledger/stats.ts');
    return new Stats(this.#parts).of(namespace);
  }

  /** Resolves when the polls that are under way for the agent have ended, which take up to `pollMs`. */
  async idle(agent: string): Promise<void> {
    await this.#queues.get(agent)?.idle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { calls } = this.#parts;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = calls.clock.setTimer(CLOSING_MS, resolve);
    await Promise.race([Promise.all([...this.#queues.values()].map((queue) => queue.close())), promise]);
    timer.cancel();
    calls[Symbol.dispose]();
  }

  // Loaded late, as pausing and stats are: agents' functions need none of it.
  async #plans() {
    const { openPlans } = await import('./open-plans.ts');
    return openPlans(this.#parts);
  }

  async #progress() {
    const { ProgressReader } = await import('./ledger/progress.ts');
    const { trails, reader, dynamodb } = this.#parts;
    return new ProgressReader(dynamodb, trails, reader);
  }

  /** What lies in another namespace is handed to nobody. */
  #mustServe(namespace: string): void {
    const { namespaces } = this.#parts.calls.settings;
    if (namespaces === undefined || namespaces.includes(namespace)) return;
    const served = namespaces.join(', ');
    const problem = `got ${show(namespace)}, which this deployment does not serve (it serves ${served}): name one of those, or deploy it with this one`;
    throw new InvalidArgumentError([{ field: 'namespace', problem }]);
  }

  #agentOf(agent: string) {
    return this.#parts.calls.settings.manifest.agents.find(({ name }) => name === agent);
  }

  #mustHave(name: string) {
    const { queues } = this.#parts.calls.settings;
    const [agent, queue] = [this.#agentOf(name), queues[name]];
    if (agent !== undefined && queue !== undefined) return { agent, queue };
    const known = Object.keys(queues).join(', ') || 'none';
    const problem = `got ${show(name)}: this deployment has queues of ${known}; deploy the guild with this agent`;
    throw new InvalidArgumentError([{ field: 'agent', problem }]);
  }

  #queueOf(name: string): AgentQueue {
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    const { sqs, acks, intake, switches, settlements } = this.#parts;
    const { pollMs } = this.#options;
    const queue = new AgentQueue({ ...this.#mustHave(name), sqs, acks, intake, switches, settlements, pollMs });
    this.#queues.set(name, queue);
    return queue;
  }
}
