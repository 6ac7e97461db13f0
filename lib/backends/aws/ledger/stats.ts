/** @module What waits for whom, as far as queues and ledger can tell. */
import { UnsupportedFeatureError } from '../../../core/errors.ts';
import { timeOf } from '../../../core/gemstone-id.ts';
import { ledgerKey, tableAttributes } from '../../../environment/aws-keys.ts';
import type { AgentStats } from '../../backend.ts';
import { type Attributes, toAttributes } from '../calls/attribute-values.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';
import type { SqsCalls } from '../calls/sqs-calls.ts';
import { Bodies } from '../log/bodies.ts';
import type { LogReader } from '../log/log-reader.ts';
import type { DropCounts } from './drop-counts.ts';
import type { Switches } from './switches.ts';

export interface StatsOptions {
  readonly dynamodb: DynamoDBCalls;
  readonly sqs: SqsCalls;
  readonly reader: LogReader;
  readonly switches: Switches;
  readonly dropCounts: DropCounts;
}

const MAX_LOOKED_AT = 1_000;
const UNKNOWN_QUEUES =
  'counting what waits where not all queues of the guild are known (functions of a guild of more than 30 agents); aws:FILE knows them';

export class Stats {
  readonly #options: StatsOptions;

  constructor(options: StatsOptions) {
    this.#options = options;
  }

  /** @throws UnsupportedFeatureError where the queue of any agent is not known. */
  async of(namespace: string): Promise<readonly AgentStats[]> {
    const { manifest } = this.#options.dynamodb.calls.settings;
    const names = manifest.agents.map(({ name }) => name).toSorted();
    return Promise.all(names.map((agent) => this.#ofAgent(namespace, agent)));
  }

  async #ofAgent(namespace: string, agent: string): Promise<AgentStats> {
    const { switches, dropCounts } = this.#options;
    const [waiting, dead, dropped, paused] = await Promise.all([
      this.#waiting(agent),
      this.#dead(namespace, agent),
      dropCounts.of(namespace, agent),
      switches.read(namespace, agent),
    ]);
    const oldestAt = waiting === 0 ? undefined : await this.#oldest(namespace, agent, waiting);
    return { agent, waiting, dead, dropped, oldestAt, paused };
  }

  /**
   * About how many messages the agent's queues hold, of all namespaces. Those that are handled now are among them: a queue does
   * not tell them from retries and from what a paused agent gave back, which it hides as well.
   */
  async #waiting(agent: string): Promise<number> {
    const { sqs } = this.#options;
    const queue = sqs.calls.settings.queues[agent];
    if (queue === undefined) throw new UnsupportedFeatureError('aws', UNKNOWN_QUEUES);
    const urls = queue.urgentUrl === undefined ? [queue.url] : [queue.urgentUrl, queue.url];
    const counts = await Promise.all(urls.map((url) => sqs.held(url)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /**
   * A queue does not tell: as old as the message that would be the oldest if all before it had been handled. It is too young
   * where a few old ones wait behind many that are done, and counts no more than 1,000 messages back.
   */
  async #oldest(namespace: string, agent: string, waiting: number): Promise<number | undefined> {
    const limit = Math.min(waiting, MAX_LOOKED_AT);
    const { items } = await this.#options.reader.read({ namespace, where: { agent }, order: 'id-desc', limit });
    const last = items.at(-1);
    return last === undefined ? undefined : timeOf(last.id);
  }

  /** Open letters; a row outlives its letter. */
  async #dead(namespace: string, agent: string): Promise<number> {
    const { dynamodb } = this.#options;
    const { partition, sort } = tableAttributes;
    const oldest = new Bodies(dynamodb).oldest(`$dead.${agent}`);
    let count = 0;
    let after: Attributes | undefined;
    do {
      const page = await dynamodb.query({
        TableName: dynamodb.calls.settings.ledgerTable,
        ConsistentRead: true,
        Select: 'COUNT',
        KeyConditionExpression: '#pk = :pk AND #sk >= :oldest',
        ExpressionAttributeNames: { '#pk': partition, '#sk': sort },
        ExpressionAttributeValues: toAttributes({ ':pk': ledgerKey.dead(namespace, agent), ':oldest': oldest }),
        ...(after !== undefined && { ExclusiveStartKey: after }),
      });
      count += page.Count ?? 0;
      after = page.LastEvaluatedKey;
    } while (after !== undefined);
    return count;
  }
}
