/** @module What all functions of a guild have in common. */
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { type IGrantable, type IPrincipal, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  Architecture,
  CfnFunction,
  type Code,
  Function as LambdaFunction,
  type RecursiveLoop,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

export interface GuildFunctionProps {
  /** A bundle with `index.mjs`, which exports `handler`. */
  readonly code: Code;
  readonly description: string;
  readonly timeout: Duration;
  /** In MB. */
  readonly memorySize: number;
  /** The user's own variables. @default - none */
  readonly environment?: Readonly<Record<string, string>>;
  /** @default RetentionDays.ONE_MONTH */
  readonly logRetention?: RetentionDays;
  /** Encrypts the variables. @default - a key of AWS */
  readonly encryptionKey?: IKey;
  /** @default - a loop is stopped after 16 rounds */
  readonly recursiveLoop?: RecursiveLoop;
}

/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html */
export const MAX_ENVIRONMENT_BYTES = 4 * 1024;
/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: of all inline policies of a role. */
export const MAX_POLICY_CHARACTERS = 10_240;

/** A function with a role of its own, which may write its own log and what it is granted, and a log group. */
export class GuildFunction extends Construct implements IGrantable {
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;
  readonly grantPrincipal: IPrincipal;

  constructor(scope: Construct, id: string, props: GuildFunctionProps) {
    super(scope, id);
    const { encryptionKey, recursiveLoop } = props;
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    this.grantPrincipal = this.role;
    this.logGroup = new LogGroup(this, 'Logs', {
      retention: props.logRetention ?? RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.function = new LambdaFunction(this, 'Resource', {
      code: props.code,
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      description: props.description,
      timeout: props.timeout,
      memorySize: props.memorySize,
      environment: { ...props.environment },
      role: this.role,
      logGroup: this.logGroup,
      ...(encryptionKey !== undefined && { environmentEncryption: encryptionKey }),
      ...(recursiveLoop !== undefined && { recursiveLoop }),
    });
    this.logGroup.grantWrite(this.role);
    this.node.addValidation({ validate: () => [...this.#environmentFaults(), ...this.#policyFaults()] });
  }

  #environmentFaults(): string[] {
    const { defaultChild } = this.function.node;
    const environment = defaultChild instanceof CfnFunction ? defaultChild.environment : undefined;
    const bytes = bytesOf(Stack.of(this).resolve(environment)?.variables ?? {});
    if (bytes <= MAX_ENVIRONMENT_BYTES) return [];
    return [
      `its environment has ${bytes} bytes but the limit is ${MAX_ENVIRONMENT_BYTES}: write fewer or shorter variables`,
    ];
  }

  /** What does not fit, the CDK would move into managed policies, of which a role may have ten. */
  #policyFaults(): string[] {
    const documents = this.role.node
      .findAll()
      .flatMap((child) => ('document' in child ? [JSON.stringify(Stack.of(this).resolve(child.document))] : []));
    const characters = documents.reduce((total, document) => total + document.length, 0);
    if (characters <= MAX_POLICY_CHARACTERS) return [];
    return [
      `the policy of its role has ${characters} characters but the limit is ${MAX_POLICY_CHARACTERS}: publish by patterns, declare fewer topic families, or serve fewer namespaces`,
    ];
  }
}

/** Of what has no length yet that of its reference, up to that of a queue's name. */
const MAX_REFERENCE = 80;

/** Bytes of names and values once they are deployed, about. */
function bytesOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return Buffer.byteLength(String(value));
  if (Array.isArray(value)) return value.reduce((sum: number, each) => sum + bytesOf(each), 0);
  const { 'Fn::Join': join, ...others } = value as Readonly<Record<string, unknown>>;
  if (Array.isArray(join)) return bytesOf(join[1]);
  const isReference = Object.keys(others).every((name) => name === 'Ref' || name.startsWith('Fn::'));
  if (isReference) return Math.min(JSON.stringify(others).length, MAX_REFERENCE);
  return Object.entries(others).reduce((sum, [name, each]) => sum + name.length + bytesOf(each), 0);
}

export const seconds = (ms: number): Duration => Duration.seconds(Math.ceil(ms / 1_000));
