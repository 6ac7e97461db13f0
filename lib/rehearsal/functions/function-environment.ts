/** @module The environment variables that a function's process gets, as on Lambda, and where the emulated services are. */
import type { FunctionDefinition } from './function-definition.ts';

/** What all functions share. */
export interface CloudAddresses {
  readonly region: string;
  /** By service, as the SDK spells it in `AWS_ENDPOINT_URL_<SERVICE>`. */
  readonly endpoints: Readonly<Record<string, string>>;
  /** Answers for every other service, so that no call leaves this machine. */
  readonly otherwise: string;
}

export function environmentOf(
  definition: FunctionDefinition,
  cloud: CloudAddresses,
  credentials: { readonly accessKeyId: string; readonly secretAccessKey: string },
): Record<string, string> {
  const services = Object.entries(cloud.endpoints).map(([service, url]) => [
    `AWS_ENDPOINT_URL_${service.toUpperCase()}`,
    url,
  ]);
  return {
    ...definition.environment,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_DEFAULT_REGION: cloud.region,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ENDPOINT_URL: cloud.otherwise,
    AWS_EXECUTION_ENV: `AWS_Lambda_${definition.runtime}`,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: `${definition.memoryMb}`,
    AWS_LAMBDA_FUNCTION_NAME: definition.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: definition.logGroup,
    AWS_LAMBDA_LOG_STREAM_NAME: 'rehearsal',
    AWS_REGION: cloud.region,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: 'rehearsal',
    LAMBDA_RUNTIME_DIR: '/var/runtime',
    LAMBDA_TASK_ROOT: definition.taskRoot,
    LANG: 'en_US.UTF-8',
    PATH: '/usr/local/bin:/usr/bin:/bin',
    TZ: ':UTC',
    _HANDLER: definition.handler,
    ...Object.fromEntries(services),
  };
}
