/** @module The resource types that a rehearsal knows: how each is named, and what references to it yield. */
import { createHash } from 'node:crypto';
import type { Json } from '../../core/json.ts';

/** Where the emulated cloud is. */
export interface Place {
  readonly account: string;
  readonly region: string;
  /** What functions reach SQS at, so that a queue's URL goes the same way. */
  readonly sqsEndpoint: string;
  /** What stands for `https://<api id>.execute-api.<region>.amazonaws.com`. */
  readonly apiUrl: string;
}

/** What is known of a resource before it is made. */
export interface Identity {
  readonly name: string;
  readonly arn: string;
  readonly place: Place;
}

type Yields = (identity: Identity) => Json;

export interface ResourceKind {
  /** The property with a name given by hand, and how long a made-up one may be. */
  readonly nameProperty?: string;
  readonly maxName: number;
  /** What stands before the name in its ARN: `sqs`, or `lambda:function:`. */
  readonly arn: (name: string, place: Place) => string;
  readonly ref: Yields;
  readonly attributes: Readonly<Record<string, Yields>>;
  /** What takes part in the rehearsal; the others are only there to be referred to. */
  readonly active: boolean;
}

const regional =
  (prefix: string) =>
  (name: string, { region, account }: Place) => {
    const [service, ...rest] = prefix.split(':');
    return `arn:aws:${service}:${region}:${account}:${rest.join(':')}${name}`;
  };
const name: Yields = (identity) => identity.name;
const arn: Yields = (identity) => identity.arn;

function kind(prefix: string, changes: Partial<ResourceKind> = {}): ResourceKind {
  return {
    maxName: 255,
    arn: regional(prefix),
    ref: name,
    attributes: { Arn: arn, Id: name },
    active: false,
    ...changes,
  };
}

const table = kind('dynamodb:table/', {
  nameProperty: 'TableName',
  attributes: { Arn: arn, StreamArn: (identity) => streamArnOf(identity.arn), TableId: name },
  active: true,
});
const noArn = kind('cloudformation:');

const kinds: Readonly<Record<string, ResourceKind>> = {
  'AWS::SQS::Queue': kind('sqs', {
    nameProperty: 'QueueName',
    maxName: 75,
    ref: queueUrlOf,
    attributes: { Arn: arn, QueueName: name, QueueUrl: queueUrlOf },
    active: true,
  }),
  'AWS::SNS::Topic': kind('sns', {
    nameProperty: 'TopicName',
    maxName: 250,
    ref: arn,
    attributes: { TopicArn: arn, TopicName: name },
    active: true,
  }),
  'AWS::SNS::Subscription': kind('sns', { ref: arn, active: true }),
  'AWS::DynamoDB::Table': table,
  'AWS::DynamoDB::GlobalTable': table,
  'AWS::S3::Bucket': kind('s3', {
    nameProperty: 'BucketName',
    maxName: 63,
    arn: (bucket) => `arn:aws:s3:::${bucket}`,
    attributes: { Arn: arn, DomainName: name, RegionalDomainName: name },
    active: true,
  }),
  'AWS::Lambda::Function': kind('lambda:function:', { nameProperty: 'FunctionName', maxName: 64, active: true }),
  'AWS::Lambda::EventSourceMapping': kind('lambda', {
    arn: (mapping, place) => regional('lambda:event-source-mapping:')(uuidOf({ name: mapping }), place),
    ref: uuidOf,
    attributes: { Id: uuidOf, EventSourceMappingArn: arn },
    active: true,
  }),
  'AWS::Events::Rule': kind('events:rule/', { nameProperty: 'Name', maxName: 64, active: true }),
  'AWS::Scheduler::Schedule': kind('scheduler:schedule/default/', { nameProperty: 'Name', maxName: 64, active: true }),
  'AWS::ApiGatewayV2::Api': kind('apigateway:/apis/', {
    ref: apiIdOf,
    attributes: { ApiId: apiIdOf, ApiEndpoint: ({ place }) => place.apiUrl },
    active: true,
  }),
  'AWS::ApiGatewayV2::Stage': kind('apigateway:/stages/', { nameProperty: 'StageName', attributes: {}, active: true }),
  'AWS::ApiGatewayV2::Route': kind('apigateway:/routes/', { active: true }),
  'AWS::ApiGatewayV2::Integration': kind('apigateway:/integrations/', { active: true }),
  'AWS::ApiGatewayV2::Authorizer': kind('apigateway:/authorizers/', {
    attributes: { AuthorizerId: name },
    active: true,
  }),
  'AWS::CloudFormation::Stack': kind('cloudformation:stack/', { ref: arn }),
  'AWS::IAM::Role': kind('iam', {
    nameProperty: 'RoleName',
    maxName: 64,
    arn: (role, { account }) => `arn:aws:iam::${account}:role/${role}`,
    attributes: { Arn: arn, RoleId: name },
  }),
  'AWS::IAM::Policy': noArn,
  'AWS::IAM::ManagedPolicy': kind('iam', {
    ref: arn,
    arn: (policy, { account }) => `arn:aws:iam::${account}:policy/${policy}`,
  }),
  'AWS::Logs::LogGroup': kind('logs:log-group:', { nameProperty: 'LogGroupName' }),
  'AWS::Scheduler::ScheduleGroup': kind('scheduler:schedule-group/', { nameProperty: 'Name', maxName: 64 }),
  'AWS::CloudWatch::Alarm': kind('cloudwatch:alarm:', { nameProperty: 'AlarmName' }),
  'AWS::CloudWatch::CompositeAlarm': kind('cloudwatch:alarm:', { nameProperty: 'AlarmName' }),
  'AWS::KMS::Key': kind('kms:key/', { attributes: { Arn: arn, KeyId: name } }),
  ...Object.fromEntries(
    [
      'AWS::CDK::Metadata',
      'AWS::CloudWatch::Dashboard',
      'AWS::KMS::Alias',
      'AWS::Lambda::EventInvokeConfig',
      'AWS::Lambda::Permission',
      'AWS::Logs::MetricFilter',
      'AWS::Logs::QueryDefinition',
      'AWS::S3::BucketPolicy',
      'AWS::SNS::TopicPolicy',
      'AWS::SQS::QueuePolicy',
    ].map((type) => [type, noArn]),
  ),
};

/** `undefined` for a type that a rehearsal does not know. */
export const kindOf = (type: string): ResourceKind | undefined => kinds[type];

/** The stream of a table, under a label that is the same each time. */
export const streamArnOf = (tableArn: string) => `${tableArn}/stream/2000-01-01T00:00:00.000`;

function queueUrlOf({ name, place }: Identity): string {
  return `${place.sqsEndpoint}/${place.account}/${name}`;
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

/** Ten characters, as API Gateway makes them. */
function apiIdOf({ name }: Identity): string {
  return `r${hashOf(name).slice(0, 9)}`;
}

function uuidOf({ name }: Pick<Identity, 'name'>): string {
  return hashOf(name).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}

/** `name`, or so much of it that a hash still fits in behind it. */
export function shortened(name: string, max: number): string {
  return name.length <= max ? name : `${name.slice(0, max - 9)}-${hashOf(name).slice(0, 8)}`;
}
