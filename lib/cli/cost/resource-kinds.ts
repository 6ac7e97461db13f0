/** @module The kinds of resources that a guild is made of, and which of them cost anything while nothing happens. */

export interface ResourceKind {
  readonly name: string;
  /** `nothing` ever, by `use` only, or while it is `idle` too. */
  readonly costs: 'nothing' | 'use' | 'idle';
}

const nothing = (name: string): ResourceKind => ({ name, costs: 'nothing' });
const use = (name: string): ResourceKind => ({ name, costs: 'use' });
const idle = (name: string): ResourceKind => ({ name, costs: 'idle' });

const kinds: Readonly<Record<string, ResourceKind>> = {
  'AWS::ApiGatewayV2::Api': use('HTTP API'),
  'AWS::ApiGatewayV2::Authorizer': nothing('API authorizer'),
  'AWS::ApiGatewayV2::Integration': nothing('API integration'),
  'AWS::ApiGatewayV2::Route': nothing('API route'),
  'AWS::ApiGatewayV2::Stage': nothing('API stage'),
  'AWS::CDK::Metadata': nothing('CDK metadata'),
  'AWS::CloudFormation::Stack': nothing('nested stack'),
  'AWS::CloudWatch::Alarm': idle('alarm'),
  'AWS::CloudWatch::CompositeAlarm': idle('composite alarm'),
  'AWS::CloudWatch::Dashboard': idle('dashboard'),
  'AWS::DynamoDB::GlobalTable': use('table'),
  'AWS::DynamoDB::Table': use('table'),
  'AWS::Events::Rule': idle('scheduled rule'),
  'AWS::IAM::ManagedPolicy': nothing('policy of a role'),
  'AWS::IAM::Policy': nothing('policy of a role'),
  'AWS::IAM::Role': nothing('role'),
  'AWS::KMS::Alias': nothing('alias of a key'),
  'AWS::KMS::Key': idle('encryption key'),
  'AWS::Lambda::EventInvokeConfig': nothing('function setting'),
  'AWS::Lambda::EventSourceMapping': idle('event source'),
  'AWS::Lambda::Function': use('function'),
  'AWS::Lambda::Permission': nothing('function permission'),
  'AWS::Logs::LogGroup': use('log group'),
  // Its metric costs from the first line on that it counts.
  'AWS::Logs::MetricFilter': use('metric of a log'),
  'AWS::Logs::QueryDefinition': nothing('log query'),
  'AWS::S3::Bucket': use('bucket'),
  'AWS::S3::BucketPolicy': nothing('bucket policy'),
  'AWS::SNS::Subscription': use('SNS subscription'),
  'AWS::SNS::Topic': use('SNS topic'),
  'AWS::SNS::TopicPolicy': nothing('SNS topic policy'),
  'AWS::SQS::Queue': use('queue'),
  'AWS::SQS::QueuePolicy': nothing('queue policy'),
};

/** `undefined` for a type of which nobody knows what it costs. */
export const kindOf = (type: string): ResourceKind | undefined => kinds[type];
