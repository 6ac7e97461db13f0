/** @module The policies of a template: of its roles, and of what they use. */
import type { Json, JsonObject } from '../../core/json.ts';
import type { DescribedResource } from '../resources/stack-scope.ts';
import { type Statement, statementsOf } from './statement.ts';

/** Each gives a policy to roles or resources, or has one, or takes one. */
export const policyTypes: readonly string[] = [
  'AWS::DynamoDB::GlobalTable',
  'AWS::DynamoDB::Table',
  'AWS::IAM::ManagedPolicy',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::Lambda::Permission',
  'AWS::S3::BucketPolicy',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::QueuePolicy',
];

/** They let a function write its logs, its traces and its network interfaces, and nothing that a rehearsal judges. */
const HARMLESS = /:policy\/(?:service-role\/AWSLambda(?:Basic|VPCAccess)ExecutionRole|AWSXRayDaemonWriteAccess)$/;

export class Policies {
  /** Why not all is known; then nothing counts as missing. */
  readonly gaps: readonly string[];
  readonly #ofRoles = new Map<string, Statement[]>();
  readonly #ofResources = new Map<string, Statement[]>();
  readonly #gapsOfRoles = new Map<string, string>();

  constructor(described: readonly DescribedResource[]) {
    const of = (type: string) => described.filter((one) => one.type === `AWS::${type}`);
    this.gaps = described
      .filter(({ properties }) => properties === undefined)
      .map(({ file, logicalId }) => `${file}: ${logicalId} refers to what the rehearsal does not know`);
    const managed = of('IAM::ManagedPolicy');
    for (const { name, arn, properties = {} } of of('IAM::Role')) {
      const inline = listIn(properties.Policies).flatMap((policy) =>
        statementsOf((policy as JsonObject).PolicyDocument),
      );
      const attached = listIn(properties.ManagedPolicyArns).map(String);
      const own = managed.filter(
        ({ ref, properties: its }) => attached.includes(String(ref)) || names(its?.Roles, name),
      );
      const named = of('IAM::Policy').filter(({ properties: its }) => names(its?.Roles, name));
      const documents = [...own, ...named].map(({ properties: its }) => its?.PolicyDocument);
      this.#ofRoles.set(arn, [...inline, ...documents.flatMap(statementsOf)]);
      const foreign = attached.filter((one) => !HARMLESS.test(one) && !managed.some(({ ref }) => ref === one));
      if (properties.PermissionsBoundary !== undefined) foreign.push('a boundary');
      if (foreign.length > 0) this.#gapsOfRoles.set(arn, `its role also has ${foreign.join(', ')}`);
    }
    for (const { properties = {} } of of('SQS::QueuePolicy'))
      for (const url of listIn(properties.Queues)) this.#add(`sqs ${nameIn(String(url))}`, properties.PolicyDocument);
    for (const { properties = {} } of of('SNS::TopicPolicy'))
      for (const arn of listIn(properties.Topics)) this.#add(`sns ${nameIn(String(arn))}`, properties.PolicyDocument);
    for (const { properties = {} } of of('S3::BucketPolicy'))
      this.#add(`s3 ${String(properties.Bucket)}`, properties.PolicyDocument);
    for (const { name, properties = {} } of [...of('DynamoDB::Table'), ...of('DynamoDB::GlobalTable')])
      for (const one of [properties, ...(listIn(properties.Replicas) as readonly JsonObject[])])
        this.#add(`dynamodb ${name}`, (one.ResourcePolicy as JsonObject | undefined)?.PolicyDocument);
    for (const { properties = {} } of of('Lambda::Permission'))
      this.#add(`lambda ${nameIn(String(properties.FunctionName))}`, permissionDocument(properties));
  }

  /** Of a role; undefined where the template does not have it. */
  ofRole(arn: string): readonly Statement[] | undefined {
    return this.#ofRoles.get(arn);
  }

  /** Why more than what is known may be allowed to a role. */
  gapOf(role: string): string | undefined {
    return this.#gapsOfRoles.get(role) ?? this.gaps[0];
  }

  /** Of whatever a call is about: a table for its indexes, a bucket for its objects. */
  ofResource(arn: string): readonly Statement[] {
    const [, , service = '', , , ...rest] = arn.split(':');
    const path = rest.join(':');
    const name = service === 'dynamodb' ? path.split('/')[1] : service === 's3' ? path.split('/')[0] : nameIn(path);
    return this.#ofResources.get(`${service} ${name}`) ?? [];
  }

  #add(resource: string, document: Json | undefined): void {
    const known = this.#ofResources.get(resource) ?? [];
    this.#ofResources.set(resource, [...known, ...statementsOf(document)]);
  }
}

const listIn = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);
const names = (roles: Json | undefined, name: string) => listIn(roles).includes(name);
/** The last part of an ARN, or of a queue's URL. */
const nameIn = (text: string) => text.split(/[:/]/).at(-1) ?? '';

/** The statement that Lambda makes of it: https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html */
function permissionDocument({ Action, Principal, SourceArn, SourceAccount, ...others }: JsonObject): JsonObject {
  const isService = String(Principal).endsWith('.amazonaws.com');
  // What else narrows it down is no condition that anybody knows, so that it is left open whether it applies.
  const limits = Object.keys(others).filter((name) => name !== 'FunctionName');
  return {
    Statement: {
      Effect: 'Allow',
      Action: Action ?? '',
      Resource: '*',
      Principal: isService ? { Service: Principal ?? '' } : { AWS: Principal ?? '' },
      Condition: {
        ...(SourceArn !== undefined && { ArnLike: { 'aws:SourceArn': SourceArn } }),
        ...(SourceAccount !== undefined && { StringEquals: { 'aws:SourceAccount': SourceAccount } }),
        ...(limits.length > 0 && { Limits: Object.fromEntries(limits.map((name) => [name, ''])) }),
      },
    },
  };
}
