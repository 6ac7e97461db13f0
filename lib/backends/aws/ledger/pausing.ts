/**
 * @module Pausing an agent (D17): its switch in the ledger, and the event sources of its function, which follow the switches of
 * all namespaces. The switch alone keeps everything from being started; a source that is off spares the function invocations
 * which would only give deliveries back.
 *
 * A row says which switches were set whose sources may not follow yet: it is there before the switch, and goes when they do.
 * The janitor finishes what is left, so that a caller who dies, or may not do it, leaves no agent without its deliveries.
 *
 * Another row says that the sources may be off: it is there before they are, and goes when they are on. It is of no namespace,
 * so that a deployment which serves others finds it as well: the janitor compares it with the switches at each tick.
 */
import { randomUUID } from 'node:crypto';
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { GuildwireError } from '../../../core/errors.ts';
import { ledgerKey, TURNED_OFF_KEY, tableAttributes } from '../../../environment/aws-keys.ts';
import { type Attributes, textOf, toAttributes } from '../calls/attribute-values.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';
import type { SwitchMapping } from '../calls/switch-mapping.ts';
import { type Switches, switchKey } from './switches.ts';

/** A switch was set, and the agent's event sources may not follow it yet. */
export interface DueSwitch {
  readonly namespace: string;
  readonly agent: string;
  /** Of the row. */
  readonly sort: string;
}

interface RowKey {
  readonly partition: string;
  readonly sort: string;
}

const { partition, sort, ttl } = tableAttributes;
/** Of an agent that was taken out of the deployment meanwhile nobody removes the row. */
const KEPT_S = 30 * 86_400;

export class Pausing {
  readonly #dynamodb: DynamoDBCalls;
  readonly #switches: Switches;
  readonly #switchMapping: SwitchMapping | undefined;

  /** @param switchMapping Without it the event sources are left to the janitor. */
  constructor(dynamodb: DynamoDBCalls, switches: Switches, switchMapping?: SwitchMapping) {
    this.#dynamodb = dynamodb;
    this.#switches = switches;
    this.#switchMapping = switchMapping;
  }

  /**
   * Resolves when the switch is set. The event sources follow before that if this process knows them and may change them, and
   * soon after it by the janitor if not.
   */
  async set(namespace: string, agent: string, paused: boolean): Promise<void> {
    const { namespaces, sources } = this.#dynamodb.calls.settings;
    if (namespaces?.includes(namespace) !== true) return this.#switches.set(namespace, agent, paused);
    const due = { namespace, agent, sort: `${agent}#${randomUUID()}` };
    const row = { partition: ledgerKey.switched(namespace), sort: due.sort };
    await this.#note(row, { agent, [ttl]: Math.floor(this.#dynamodb.calls.clock.now() / 1_000) + KEPT_S });
    await this.#switches.set(namespace, agent, paused);
    try {
      // Nothing that is on has to be turned off while the agent works anywhere.
      if (paused && !(await this.#isPaused(agent))) await this.#forget(row);
      else if (sources[agent] !== undefined) await this.finish(due, sources[agent], this.#dynamodb.calls.deadline());
    } catch (error) {
      // The row is there, so the janitor does it: the right, the package or the time was missing here.
      if (!(error instanceof GuildwireError)) throw error;
    }
  }

  /** What was not finished in a namespace. */
  async due(namespace: string): Promise<readonly DueSwitch[]> {
    const rows = await this.#rows(ledgerKey.switched(namespace));
    return rows.map((row) => ({ namespace, agent: textOf(row, 'agent') ?? '', sort: textOf(row, sort) ?? '' }));
  }

  /** Agents whose event sources may be off, whatever namespaces were served when they were turned off. */
  async turnedOff(): Promise<readonly string[]> {
    const rows = await this.#rows(TURNED_OFF_KEY);
    return [...new Set(rows.map((row) => textOf(row, 'agent') ?? ''))];
  }

  /**
   * Turns the event sources off if the agent is paused wherever the deployment serves it, and else on. A switch that is set
   * meanwhile is looked at again: of two callers the one that comes last leaves what the switches say.
   *
   * @param sources UUIDs of the event source mappings of the agent's function.
   * @param deadlineAt Unix ms after which no call is repeated.
   * @throws BackendUnavailableError, AwsAccessDeniedError, AwsRefusedError; what is due stays due.
   */
  async finish(due: DueSwitch, sources: readonly string[], deadlineAt: number): Promise<void> {
    if (this.#switchMapping === undefined) return;
    await this.#follow(this.#switchMapping, due.agent, sources, deadlineAt);
    await this.#forget({ partition: ledgerKey.switched(due.namespace), sort: due.sort });
  }

  /**
   * Turns the event sources on of an agent that is not paused wherever the deployment serves it; whether they were to be. So it
   * is always where any namespace is served, since nobody knows all.
   *
   * @throws As `finish`.
   */
  async recheck(agent: string, sources: readonly string[], deadlineAt: number): Promise<boolean> {
    if (this.#switchMapping === undefined || (await this.#isPaused(agent))) return false;
    await this.#follow(this.#switchMapping, agent, sources, deadlineAt);
    return true;
  }

  async #follow(switchMapping: SwitchMapping, agent: string, sources: readonly string[], deadlineAt: number) {
    const { calls } = this.#dynamodb;
    const own = { partition: TURNED_OFF_KEY, sort: `${agent}#${randomUUID()}` };
    // What is noted later may be of somebody who turns the sources off when this is done.
    const before = (await this.#rows(TURNED_OFF_KEY)).filter((row) => textOf(row, 'agent') === agent);
    let isNoted = false;
    let isPaused = await this.#isPaused(agent);
    for (let isSame = false; !isSame; ) {
      if (isPaused && !isNoted) await this.#note(own, { agent });
      isNoted ||= isPaused;
      await Promise.all(sources.map((uuid) => switchMapping(calls, uuid, !isPaused, deadlineAt)));
      const wasPaused = isPaused;
      isPaused = await this.#isPaused(agent);
      isSame = isPaused === wasPaused;
    }
    for (const row of before) await this.#forget({ partition: TURNED_OFF_KEY, sort: textOf(row, sort) ?? '' });
    if (isNoted && !isPaused) await this.#forget(own);
  }

  /** In all namespaces of the deployment, as the ledger has it now. */
  async #isPaused(agent: string): Promise<boolean> {
    const { namespaces = [], ledgerTable } = this.#dynamodb.calls.settings;
    const keys = namespaces.map((namespace) => switchKey(namespace, agent));
    const rows = await this.#dynamodb.batchGet(ledgerTable, keys);
    return keys.length > 0 && rows.filter((row) => row.paused?.BOOL === true).length === keys.length;
  }

  async #rows(partitionKey: string): Promise<readonly Attributes[]> {
    const { settings, clock } = this.#dynamodb.calls;
    const found: Attributes[] = [];
    let after: Attributes | undefined;
    do {
      const page = await this.#dynamodb.query({
        TableName: settings.ledgerTable,
        ConsistentRead: true,
        KeyConditionExpression: '#pk = :pk',
        FilterExpression: 'attribute_not_exists(#ttl) OR #ttl > :now',
        ExpressionAttributeNames: { '#pk': partition, '#ttl': ttl },
        ExpressionAttributeValues: toAttributes({ ':pk': partitionKey, ':now': Math.floor(clock.now() / 1_000) }),
        ...(after !== undefined && { ExclusiveStartKey: after }),
      });
      found.push(...(page.Items ?? []));
      after = page.LastEvaluatedKey;
    } while (after !== undefined);
    return found;
  }

  async #note(key: RowKey, row: { readonly agent: string; readonly [ttl]?: number }): Promise<void> {
    const { ledgerTable: TableName } = this.#dynamodb.calls.settings;
    const Item = { ...keyOf(key), ...toAttributes(row) };
    const about = { action: 'dynamodb:PutItem', resource: TableName };
    await this.#dynamodb.send(new PutItemCommand({ TableName, Item }), about);
  }

  async #forget(key: RowKey): Promise<void> {
    const { ledgerTable: TableName } = this.#dynamodb.calls.settings;
    const about = { action: 'dynamodb:DeleteItem', resource: TableName };
    await this.#dynamodb.send(new DeleteItemCommand({ TableName, Key: keyOf(key) }), about);
  }
}

const keyOf = (key: RowKey): Attributes => toAttributes({ [partition]: key.partition, [sort]: key.sort });
