/**
 * @module Working off entries of a plan so that a crash at any point costs nothing: each step is either not done, or found done
 * when the group is worked off again. A delivery once more has the same epoch then, and so is the same delivery.
 */
import { randomUUID } from 'node:crypto';
import { type TransactWriteItem, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { deadLetterOf } from '../../../core/dead-letter.ts';
import type { Message, MessageKey } from '../../../core/message.ts';
import { tableAttributes } from '../../../environment/aws-keys.ts';
import type { Plan } from '../../backend.ts';
import { fromAttributes, toAttributes } from '../calls/attribute-values.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';
import type { LogReader } from '../log/log-reader.ts';
import type { Repeat, Repeats } from './again.ts';
import type { Commits } from './commit.ts';
import { deadRowKey } from './dead-rows.ts';
import type { PlanRows } from './plan-rows.ts';

export interface PlanWorkOptions {
  readonly dynamodb: DynamoDBCalls;
  readonly commits: Commits;
  readonly reader: LogReader;
  readonly rows: PlanRows;
  readonly repeats: Repeats;
}

/** What an entry leads to; undefined if there is nothing left to do for it. */
interface Work {
  readonly repeat?: Repeat;
  /** Done when the group is. */
  readonly last?: TransactWriteItem;
}

const CHECK_FAILED = 'ConditionalCheckFailedException';

export class PlanWork {
  readonly #options: PlanWorkOptions;

  constructor(options: PlanWorkOptions) {
    this.#options = options;
  }

  async run(plan: Plan, entries: readonly MessageKey[]): Promise<void> {
    const { commits, dynamodb, repeats, rows } = this.#options;
    const works = plan.action === 'replay' ? await this.#replay(plan, entries) : await this.#takeUp(plan, entries);
    const given = works.filter((work) => work !== undefined);
    await repeats.publish(given.flatMap(({ repeat }) => repeat ?? []));
    const counts = { done: entries.length, skipped: entries.length - given.length };
    const steps = [...rows.advance(plan, counts), ...given.flatMap(({ last }) => last ?? [])];
    await commits.commit(steps, { token: randomUUID(), deadlineAt: dynamodb.calls.deadline() });
  }

  async #replay(plan: Plan, entries: readonly MessageKey[]): Promise<readonly (Work | undefined)[]> {
    const { reader, rows, repeats } = this.#options;
    const { id, namespace, agent, done } = plan;
    const kept = await reader.get(namespace, entries);
    const byName = new Map(kept.map((message) => [nameOf(message), message]));
    return Promise.all(
      entries.map(async (key, index): Promise<Work | undefined> => {
        const content = byName.get(nameOf(key));
        if (content === undefined) return undefined;
        const epoch = await rows.epochOf(id, done + index, () => repeats.nextEpoch(namespace, agent, key));
        return { repeat: { namespace, agent, key, epoch, cause: 'replayed', content } };
      }),
    );
  }

  /** Redrives or discards. */
  async #takeUp(plan: Plan, entries: readonly MessageKey[]): Promise<readonly (Work | undefined)[]> {
    const { namespace } = plan;
    const letters = plan.action === 'redrive' ? await this.#options.reader.get(namespace, entries) : [];
    const byName = new Map(letters.map((letter) => [nameOf(letter), letter]));
    return Promise.all(entries.map((key) => this.#takeUpOne(plan, key, byName.get(nameOf(key)))));
  }

  async #takeUpOne(plan: Plan, key: MessageKey, letter: Message | undefined): Promise<Work | undefined> {
    const { namespace, agent, action } = plan;
    const claimed = await this.#claim(plan, key, letter);
    if (claimed === undefined) return undefined;
    const TableName = this.#options.dynamodb.calls.settings.ledgerTable;
    const last = { Delete: { TableName, Key: deadRowKey(namespace, agent, key.id) } };
    if (action === 'discard') return { last };
    if (letter === undefined) return undefined;
    const { original, raw = '', topic, id, epoch: before } = deadLetterOf(letter);
    const content = original ?? Buffer.from(raw, 'base64');
    const repeated = { key: { topic, id }, epoch: claimed, cause: 'redriven', content, letter: key, before } as const;
    return { last, repeat: { namespace, agent, ...repeated } };
  }

  /** Takes an open letter for this plan; the epoch of its delivery, undefined if another plan was first. */
  async #claim({ id: plan, namespace, agent, action }: Plan, key: MessageKey, letter: Message | undefined) {
    const { repeats } = this.#options;
    const taken = await this.#update(namespace, agent, key, 'plan', plan);
    if (taken === undefined || action === 'discard' || letter === undefined) return taken && 0;
    if (typeof taken.epoch === 'number') return taken.epoch;
    const { topic, id } = deadLetterOf(letter);
    const epoch = await repeats.nextEpoch(namespace, agent, { topic, id });
    return Number((await this.#update(namespace, agent, key, 'epoch', epoch))?.epoch);
  }

  /** Sets it in the letter's row, if the row is there and says nothing else; the row as it then is. */
  async #update(namespace: string, agent: string, { id }: MessageKey, name: string, value: string | number) {
    const { dynamodb } = this.#options;
    const resource = dynamodb.calls.settings.ledgerTable;
    const command = new UpdateItemCommand({
      TableName: resource,
      Key: deadRowKey(namespace, agent, id),
      UpdateExpression: 'SET #name = :value',
      ConditionExpression: 'attribute_exists(#sort) AND (attribute_not_exists(#name) OR #name = :value)',
      ExpressionAttributeNames: { '#name': name, '#sort': tableAttributes.sort },
      ExpressionAttributeValues: toAttributes({ ':value': value }),
      ReturnValues: 'ALL_NEW',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    try {
      const about = { action: 'dynamodb:UpdateItem', resource, answers: [CHECK_FAILED] };
      return fromAttributes((await dynamodb.send(command, about)).Attributes ?? {});
    } catch (error) {
      if (!(error instanceof Error) || error.name !== CHECK_FAILED) throw error;
      const { Item } = error as { readonly Item?: Parameters<typeof fromAttributes>[0] };
      // Two workers of one plan chose a number at once: the first one stands.
      return name === 'epoch' && Item !== undefined ? fromAttributes(Item) : undefined;
    }
  }
}

const nameOf = ({ topic, id }: MessageKey) => `${topic}/${id}`;
