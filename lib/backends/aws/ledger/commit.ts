/**
 * @module One step in the tables: a conditional write, or a transaction of many. Conflicts and throttling are repeated and
 * nobody counts them; a condition that does not hold is an answer.
 */
import {
  type CancellationReason,
  PutItemCommand,
  type TransactWriteItem,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { BackendUnavailableError } from '../../../core/errors.ts';
import type { Attributes } from '../calls/attribute-values.ts';
import { AwsRefusedError, unavailable } from '../calls/aws-errors.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';

/** Undefined if everything holds; else nothing does, and this is the first entry whose condition did not. */
export type Committed = { readonly index: number; readonly found: Attributes | undefined } | undefined;

export interface CommitOptions {
  /** Names the step, so that a repeat of it after an unknown outcome is no second one; up to 36 characters. */
  readonly token: string;
  /** Unix ms after which it is not repeated. */
  readonly deadlineAt: number;
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html */
export const MAX_ENTRIES = 100;
const PASSING: ReadonlySet<string | undefined> = new Set([
  'TransactionConflict',
  'ThrottlingError',
  'ProvisionedThroughputExceeded',
]);

export class Commits {
  readonly #dynamodb: DynamoDBCalls;

  constructor(dynamodb: DynamoDBCalls) {
    this.#dynamodb = dynamodb;
  }

  /**
   * Writes all entries or none. A single one is no transaction, which costs half, unless it is a change without a condition:
   * a transaction knows the repeat of a step that was done.
   *
   * @throws BackendUnavailableError if nobody knows by the deadline whether it was done.
   */
  commit(entries: readonly TransactWriteItem[], options: CommitOptions): Promise<Committed> {
    const [first, ...others] = entries;
    if (first !== undefined && others.length === 0 && isRepeatable(first)) return this.#writeOne(first, options);
    return this.#transact(entries, options);
  }

  async #writeOne({ Put, Update }: TransactWriteItem, { deadlineAt }: CommitOptions): Promise<Committed> {
    const resource = (Put ?? Update)?.TableName ?? '';
    const answers = ['ConditionalCheckFailedException'];
    try {
      if (Put !== undefined)
        await this.#dynamodb.send(new PutItemCommand(Put), {
          action: 'dynamodb:PutItem',
          resource,
          deadlineAt,
          answers,
        });
      else if (Update !== undefined)
        await this.#dynamodb.send(new UpdateItemCommand(Update), {
          action: 'dynamodb:UpdateItem',
          resource,
          deadlineAt,
          answers,
        });
      return undefined;
    } catch (error) {
      if (error instanceof Error && error.name === 'ConditionalCheckFailedException')
        return { index: 0, found: (error as { readonly Item?: Attributes }).Item };
      throw error;
    }
  }

  async #transact(entries: readonly TransactWriteItem[], { token, deadlineAt }: CommitOptions): Promise<Committed> {
    const command = new TransactWriteItemsCommand({ TransactItems: [...entries], ClientRequestToken: token });
    const about = { action: 'dynamodb:TransactWriteItems', resource: tablesOf(entries), deadlineAt };
    for (let tries = 0; ; tries++) {
      try {
        await this.#dynamodb.send(command, { ...about, answers: ['TransactionCanceledException'] });
        return undefined;
      } catch (error) {
        if (!isCancelled(error)) throw error;
        const reasons = error.CancellationReasons ?? [];
        const index = reasons.findIndex(({ Code }) => Code === 'ConditionalCheckFailed');
        if (index !== -1) return { index, found: reasons[index]?.Item };
        const isPassing = reasons.length === 0 || reasons.some(({ Code }) => PASSING.has(Code));
        if (!isPassing) throw new AwsRefusedError(about.action, whyOf(reasons), { cause: error });
        if (!(await this.#dynamodb.calls.waitToRepeat(tries, deadlineAt)))
          throw unavailable(error, about.action, about.resource);
      }
    }
  }
}

/** Whether doing it twice is doing it once, or is refused by its condition. */
const isRepeatable = ({ Put, Update }: TransactWriteItem) =>
  Put !== undefined || Update?.ConditionExpression !== undefined;

function isCancelled(error: unknown): error is Error & { readonly CancellationReasons?: CancellationReason[] } {
  return error instanceof Error && error.name === 'TransactionCanceledException';
}

const whyOf = (reasons: readonly CancellationReason[]) =>
  reasons.flatMap(({ Code, Message }) => (Code === 'None' ? [] : [`${Code} ${Message ?? ''}`])).join('; ');

function tablesOf(entries: readonly TransactWriteItem[]): string {
  const tables = entries.map(({ Put, Update, Delete }) => Put ?? Update ?? Delete);
  return [...new Set(tables.map((each) => each?.TableName))].join(', ');
}

/** Whether the outcome of a step is not known, or it could not be done now. */
export const isUnavailable = (error: unknown): error is BackendUnavailableError =>
  error instanceof BackendUnavailableError;
