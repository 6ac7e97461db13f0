/** @module The grants of a message log, whether it is created here or imported. */
import { type IResource, Resource } from 'aws-cdk-lib';
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Effect, Grant, type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { CONVERSATION_INDEX, THREAD_INDEX } from '../environment/aws-keys.ts';
import { acknowledgeObjects } from './acknowledge.ts';
import {
  agentLedgerKeys,
  appendActions,
  attachmentKeys,
  deniedActions,
  ledgerActions,
  messageKeys,
  type Namespaces,
  namespaceKeys,
  operatorLedgerKeys,
  ownTopics,
  readActions,
  relayLedgerKeys,
  streamActions,
  topicLedgerKeys,
  unaskedKeys,
} from './permissions.ts';
import { provide } from './provide.ts';
import { UndeployableError } from './undeployable-error.ts';

/** Where a guild's messages are kept, with the ledger of what was done about them. */
export interface IMessageLog extends IResource {
  readonly messages: ITableV2;
  readonly ledger: ITableV2;
  /** Payloads that are too large for an item. */
  readonly attachments: IBucket;
  readonly namespaces: Namespaces;
  grantRead(grantee: IGrantable): Grant;
  grantPublish(grantee: IGrantable, topics: readonly string[]): Grant;
  grantAgent(grantee: IGrantable, agent: string, publishes: readonly string[]): Grant;
  grantOperate(grantee: IGrantable): Grant;
  grantReadLedger(grantee: IGrantable): Grant;
  grantRelay(grantee: IGrantable): Grant;
}

export abstract class MessageLogBase extends Resource implements IMessageLog {
  abstract readonly messages: ITableV2;
  abstract readonly ledger: ITableV2;
  abstract readonly attachments: IBucket;
  abstract readonly namespaces: Namespaces;
  protected abstract readonly encryptionKey: IKey | undefined;

  /**
   * Reading what was said, in the namespaces of the log: `dynamodb:GetItem`, `BatchGetItem` and `Query` on the Messages table
   * and its indexes, and on the rows of the ledger that name the topics; `s3:GetObject` on attachments. Scans and PartiQL,
   * which know no namespaces, are denied.
   */
  grantRead(grantee: IGrantable): Grant {
    this.#provideLog(grantee);
    const { tableArn } = this.messages;
    const indexes = [THREAD_INDEX, CONVERSATION_INDEX].map((index) => `${tableArn}/index/${index}`);
    return this.#bound(grantee, readActions, [tableArn, ...indexes], namespaceKeys(this.namespaces))
      .combine(this.#bound(grantee, readActions, [this.ledger.tableArn], topicLedgerKeys(this.namespaces)))
      .combine(this.#objects(grantee, 's3:GetObject'))
      .combine(this.#deny(grantee, deniedActions, [tableArn, ...indexes, this.ledger.tableArn]));
  }

  /**
   * Storing messages under topics and patterns: `dynamodb:PutItem` under their keys, and `s3:PutObject` for attachments. In a
   * pattern IAM's `*` crosses dots, so it grants more than the pattern names; but no topic of the platform that is not asked
   * for. An idempotency key takes a row of the ledger besides: see `grantOperate` and `grantAgent`.
   */
  grantPublish(grantee: IGrantable, topics: readonly string[]): Grant {
    this.#provideLog(grantee);
    return this.#append(grantee, topics).combine(this.#objects(grantee, 's3:PutObject'));
  }

  /**
   * What an agent does: all of `grantRead`; `grantPublish` for what it declares, any inbox and reply, and its own `$self`,
   * `$dead` and `$errors`; and its rows of the ledger (`dynamodb:GetItem`, `BatchGetItem`, `Query`, `PutItem`, `UpdateItem`
   * and `DeleteItem`), with those of idempotency keys, budgets and trails, which all share.
   */
  grantAgent(grantee: IGrantable, agent: string, publishes: readonly string[]): Grant {
    const keys = agentLedgerKeys(this.namespaces, agent);
    return this.grantRead(grantee)
      .combine(this.grantPublish(grantee, [...publishes, ...ownTopics(agent)]))
      .combine(this.#bound(grantee, ledgerActions, [this.ledger.tableArn], keys));
  }

  /**
   * All rows of the ledger in the namespaces of the log, and those of event sources that are off: `dynamodb:GetItem`,
   * `BatchGetItem`, `Query`, `PutItem`, `UpdateItem` and `DeleteItem`; with all of `grantRead`.
   */
  grantOperate(grantee: IGrantable): Grant {
    const keys = operatorLedgerKeys(this.namespaces);
    return this.grantRead(grantee).combine(this.#bound(grantee, ledgerActions, [this.ledger.tableArn], keys));
  }

  /** Reading the ledger in the namespaces of the log: `dynamodb:GetItem`, `BatchGetItem` and `Query`. */
  grantReadLedger(grantee: IGrantable): Grant {
    this.#provideLog(grantee);
    return this.#bound(grantee, readActions, [this.ledger.tableArn], namespaceKeys(this.namespaces));
  }

  /**
   * Handing messages on: `dynamodb:DescribeStream`, `GetRecords`, `GetShardIterator` and `ListStreams` on the stream, all of
   * `grantRead`, announcing topics (`dynamodb:PutItem` under `$topics`), and their rows in the ledger.
   *
   * @throws UndeployableError where a table was imported without its stream.
   */
  grantRelay(grantee: IGrantable): Grant {
    const { tableStreamArn } = this.messages;
    if (tableStreamArn === undefined) {
      const problem = 'has no stream that a relay could read: import it with its tableStreamArn';
      throw new UndeployableError(this.node.path, [{ field: 'messages', problem }]);
    }
    return this.#allow(grantee, streamActions, [tableStreamArn])
      .combine(this.grantRead(grantee))
      .combine(this.grantPublish(grantee, ['$topics']))
      .combine(this.#bound(grantee, ledgerActions, [this.ledger.tableArn], relayLedgerKeys(this.namespaces)));
  }

  #provideLog(grantee: IGrantable): void {
    provide(grantee, {
      messagesTable: this.messages.tableName,
      ledgerTable: this.ledger.tableName,
      bucket: this.attachments.bucketName,
      namespaces: this.namespaces === 'dynamic' ? '*' : this.namespaces.join(','),
    });
    this.encryptionKey?.grantEncryptDecrypt(grantee);
  }

  #append(grantee: IGrantable, topics: readonly string[]): Grant {
    const keys = messageKeys(this.namespaces, topics);
    const allowed = this.#bound(grantee, appendActions, [this.messages.tableArn], keys);
    if (!topics.some((topic) => topic.startsWith('*'))) return allowed;
    return unaskedKeys(this.namespaces, topics).reduce(
      (grant, { keys: denied, but }) =>
        grant.combine(
          this.#deny(grantee, appendActions, [this.messages.tableArn], {
            'ForAnyValue:StringLike': { 'dynamodb:LeadingKeys': denied },
            ...(but.length > 0 && { 'ForAllValues:StringNotLike': { 'dynamodb:LeadingKeys': but } }),
          }),
        ),
      allowed,
    );
  }

  #objects(grantee: IGrantable, action: string): Grant {
    const keys = attachmentKeys(this.namespaces);
    acknowledgeObjects(grantee, this.attachments, keys);
    return this.#allow(
      grantee,
      [action],
      keys.map((key) => this.attachments.arnForObjects(key)),
    );
  }

  /** Under these partition keys only; a call that names no key at all is none of them. */
  #bound(grantee: IGrantable, actions: readonly string[], arns: readonly string[], keys: readonly string[]): Grant {
    return this.#allow(grantee, actions, arns, {
      'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': keys },
      Null: { 'dynamodb:LeadingKeys': 'false' },
    });
  }

  #allow(grantee: IGrantable, actions: readonly string[], arns: readonly string[], conditions: object = {}): Grant {
    return Grant.addToPrincipal({
      grantee,
      actions: [...actions],
      resourceArns: [...arns],
      conditions: conditions as Record<string, Record<string, unknown>>,
    });
  }

  #deny(grantee: IGrantable, actions: readonly string[], arns: readonly string[], conditions: object = {}): Grant {
    const statement = new PolicyStatement({
      effect: Effect.DENY,
      actions: [...actions],
      resources: [...arns],
      conditions: conditions as Record<string, Record<string, unknown>>,
    });
    grantee.grantPrincipal.addToPrincipalPolicy(statement);
    return Grant.drop(grantee, 'a denial is no grant');
  }
}
