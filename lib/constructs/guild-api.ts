/** @module The HTTP API of a guild, in front of the functions that publish and read. */
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  type CorsPreflightOptions,
  HttpApi,
  HttpMethod,
  HttpStage,
  type IHttpRouteAuthorizer,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer, HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

/** Tokens of an OpenID provider, signed with RSA. Their claims say which namespaces a caller may use, and what there. */
export interface JwtAuthorization {
  /** `https://…` */
  readonly issuer: string;
  readonly audience: readonly string[];
}

export interface GuildApiOptions {
  /** Who may call: signed requests (SigV4) of those whom IAM allows it, or bearers of tokens. @default 'iam' */
  readonly authorization?: 'iam' | JwtAuthorization;
  /** Requests per second, on average and at once. @default - 100 and 200 */
  readonly throttle?: { readonly rateLimit: number; readonly burstLimit: number };
  /** For callers in browsers; its origins may upload large payloads as well. @default - none */
  readonly corsPreflight?: CorsPreflightOptions;
}

export interface GuildApiProps extends GuildApiOptions {
  /** Takes what changes anything. */
  readonly ingest: IFunction;
  /** Takes what reads. */
  readonly history: IFunction;
  /** @default RetentionDays.ONE_MONTH */
  readonly logRetention?: RetentionDays;
}

/** No route without an authorizer. Every request leaves a line in the access log, without its body. */
export class GuildApi extends Construct {
  readonly api: HttpApi;
  readonly stage: HttpStage;
  readonly accessLog: LogGroup;
  readonly #authorization: 'iam' | JwtAuthorization;

  constructor(scope: Construct, id: string, props: GuildApiProps) {
    super(scope, id);
    this.#authorization = props.authorization ?? 'iam';
    const { corsPreflight, throttle = { rateLimit: 100, burstLimit: 200 } } = props;
    this.api = new HttpApi(this, 'Resource', {
      createDefaultStage: false,
      defaultAuthorizer: this.#authorizer(),
      ...(corsPreflight !== undefined && { corsPreflight }),
    });
    this.accessLog = new LogGroup(this, 'AccessLog', {
      retention: props.logRetention ?? RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.stage = new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      throttle,
      accessLogSettings: {
        destination: new LogGroupLogDestination(this.accessLog),
        format: AccessLogFormat.jsonWithStandardFields(),
      },
    });
    this.#route('History', props.history, HttpMethod.GET);
    this.#route('Ingest', props.ingest, HttpMethod.POST);
  }

  get url(): string {
    return this.api.apiEndpoint;
  }

  /**
   * Calling the API with IAM credentials: `execute-api:Invoke`. A path such as `GET/v1/namespaces/prod/*` narrows it; such
   * callers may do all that they can reach.
   *
   * @throws Error if the API takes tokens: then claims decide, and no policy does.
   */
  grantInvoke(grantee: IGrantable, path = '*'): Grant {
    if (this.#authorization !== 'iam') {
      throw new Error(
        `${this.node.path}: the API takes tokens of ${this.#authorization.issuer}, so IAM cannot allow it`,
      );
    }
    const resource = `${this.api.apiId}/$default/${path}`;
    const arn = Stack.of(this).formatArn({ service: 'execute-api', resource });
    return Grant.addToPrincipal({ grantee, actions: ['execute-api:Invoke'], resourceArns: [arn] });
  }

  #authorizer(): IHttpRouteAuthorizer {
    if (this.#authorization === 'iam') return new HttpIamAuthorizer();
    const { issuer, audience } = this.#authorization;
    return new HttpJwtAuthorizer('Jwt', issuer, { jwtAudience: [...audience] });
  }

  #route(id: string, handler: IFunction, method: HttpMethod): void {
    const integration = new HttpLambdaIntegration(id, handler, { timeout: Duration.seconds(29) });
    this.api.addRoutes({ path: '/{proxy+}', methods: [method], integration });
  }
}
