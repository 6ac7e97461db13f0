/** @module The two tables and the bucket of a guild. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  AttributeType,
  Billing,
  type ITableV2,
  ProjectionType,
  StreamViewType,
  TableEncryptionV2,
  TableV2,
} from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  HttpMethods,
  type IBucket,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { DEFAULT_RETENTION_DAYS } from '../core/topic-family.ts';
import { CONVERSATION_INDEX, THREAD_INDEX, tableAttributes } from '../environment/aws-keys.ts';
import { acknowledge } from './acknowledge.ts';
import { type IMessageLog, MessageLogBase } from './message-log-base.ts';
import { messageLogFaults } from './message-log-faults.ts';
import type { Namespaces } from './permissions.ts';
import { refuse } from './undeployable-error.ts';

export interface MessageLogProps {
  /** The namespaces that grants are for; `'dynamic'` for any, which then only the code keeps apart. @default ['default'] */
  readonly namespaces?: Namespaces;
  /** Whether threads can be read: an index, for $0.63 per million messages. @default true */
  readonly threads?: boolean;
  /** Most write units per second of each table, so that a loop cannot cost a fortune. @default 2000 */
  readonly maxWriteUnits?: number;
  /** Most read units per second of each table. @default 4000 */
  readonly maxReadUnits?: number;
  /** The longest that any family keeps its messages, in days; attachments are kept 15 days longer. @default 30 */
  readonly retentionDays?: number;
  /** Web pages that may upload large payloads, such as `https://app.example.com`. @default - none */
  readonly uploadOrigins?: readonly string[];
  /** The stack has to name its region. @default - keys of AWS: DynamoDB's own, and SSE-S3 */
  readonly encryptionKey?: IKey;
  /** What becomes of tables and bucket when they are taken out of the stack. @default RemovalPolicy.RETAIN */
  readonly removalPolicy?: RemovalPolicy;
}

export interface MessageLogAttributes {
  readonly messages: ITableV2;
  readonly ledger: ITableV2;
  readonly attachments: IBucket;
  readonly namespaces: Namespaces;
  /** @default - encrypted by keys of AWS */
  readonly encryptionKey?: IKey;
}

/** Until an expired item is removed, and beyond the 14 days that a queue keeps what refers to it. */
const GRACE_DAYS = 15;
const DEFAULT_NAMESPACES = ['default'] as const;

/** Messages, ledger and attachments of a guild. Kept when the stack is deleted, and restorable to any second of 35 days. */
export class MessageLog extends MessageLogBase {
  /** A log of another stack. */
  static fromAttributes(scope: Construct, id: string, attributes: MessageLogAttributes): IMessageLog {
    class Imported extends MessageLogBase {
      readonly messages = attributes.messages;
      readonly ledger = attributes.ledger;
      readonly attachments = attributes.attachments;
      readonly namespaces = attributes.namespaces;
      protected readonly encryptionKey = attributes.encryptionKey;
    }
    return new Imported(scope, id);
  }

  readonly messages: ITableV2;
  readonly ledger: ITableV2;
  readonly attachments: IBucket;
  readonly namespaces: Namespaces;
  protected readonly encryptionKey: IKey | undefined;

  /** @throws UndeployableError where a number or a namespace cannot be. */
  constructor(scope: Construct, id: string, props: MessageLogProps = {}) {
    super(scope, id);
    refuse(this, messageLogFaults(props));
    this.namespaces = props.namespaces ?? DEFAULT_NAMESPACES;
    this.encryptionKey = props.encryptionKey;
    this.messages = this.#createMessages(props);
    this.ledger = new TableV2(this, 'Ledger', this.#tableProps(props)) as ITableV2;
    this.attachments = this.#createAttachments(props);
  }

  #createMessages(props: MessageLogProps): ITableV2 {
    const table = new TableV2(this, 'Messages', {
      ...this.#tableProps(props),
      dynamoStream: StreamViewType.NEW_IMAGE,
    });
    const indexes = [
      ...(props.threads === false ? [] : [[THREAD_INDEX, tableAttributes.thread] as const]),
      [CONVERSATION_INDEX, tableAttributes.conversation] as const,
    ];
    for (const [indexName, name] of indexes) {
      table.addGlobalSecondaryIndex({
        indexName,
        partitionKey: { name, type: AttributeType.STRING },
        sortKey: { name: tableAttributes.sort, type: AttributeType.STRING },
        projectionType: ProjectionType.KEYS_ONLY,
      });
    }
    // Its type and that of its interface differ in what may be undefined.
    return table as ITableV2;
  }

  #tableProps({ encryptionKey, maxWriteUnits = 2_000, maxReadUnits = 4_000, removalPolicy }: MessageLogProps) {
    return {
      partitionKey: { name: tableAttributes.partition, type: AttributeType.STRING },
      sortKey: { name: tableAttributes.sort, type: AttributeType.STRING },
      timeToLiveAttribute: tableAttributes.ttl,
      billing: Billing.onDemand({ maxReadRequestUnits: maxReadUnits, maxWriteRequestUnits: maxWriteUnits }),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      encryption:
        encryptionKey === undefined
          ? TableEncryptionV2.dynamoOwnedKey()
          : TableEncryptionV2.customerManagedKey(encryptionKey),
      removalPolicy: removalPolicy ?? RemovalPolicy.RETAIN,
    };
  }

  #createAttachments(props: MessageLogProps): IBucket {
    const { encryptionKey, retentionDays = DEFAULT_RETENTION_DAYS, removalPolicy, uploadOrigins = [] } = props;
    const bucket = new Bucket(this, 'Attachments', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      encryption: encryptionKey === undefined ? BucketEncryption.S3_MANAGED : BucketEncryption.KMS,
      ...(encryptionKey !== undefined && { encryptionKey, bucketKeyEnabled: true }),
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      lifecycleRules: [
        {
          expiration: Duration.days(Math.ceil(retentionDays) + GRACE_DAYS),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
      removalPolicy: removalPolicy ?? RemovalPolicy.RETAIN,
    });
    if (uploadOrigins.length > 0) {
      const headers = ['content-type', 'x-amz-checksum-sha256'];
      bucket.addCorsRule({
        allowedMethods: [HttpMethods.PUT],
        allowedOrigins: [...uploadOrigins],
        allowedHeaders: headers,
      });
    }
    acknowledge(
      bucket,
      'AwsSolutions-S1',
      'each object is named by what it holds, and functions that write, or give out places to write to, are logged',
    );
    return bucket as IBucket;
  }
}
