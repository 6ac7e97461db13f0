/** @module The emulators that a rehearsal runs on: SNS, SQS and S3 in this process, DynamoDB as a child of it. */
import type { AddressInfo } from 'node:net';
import { dynamodbVariables } from '../environment/rehearsal-variables.ts';
import { Reaper } from './reaper.ts';
import { EmulatorMissingError } from './rehearsal-errors.ts';
import { answers, findDynoxide, startDynoxide } from './start-dynoxide.ts';

export type EmulatedService = 'sns' | 'sqs' | 's3' | 'dynamodb';
export type Endpoints = Readonly<Record<EmulatedService, string>>;

export interface EmulatorOptions {
  /**
   * Endpoints of emulators that run already; they are used, and not stopped.
   *
   * @default - `DYNAMODB_ENDPOINT` for DynamoDB if it is set; the others are started
   */
  readonly endpoints?: Partial<Endpoints>;
}

/** The emulators take any credentials; the API checks signatures against these. */
export const emulatedCredentials = { accessKeyId: 'AKIAREHEARSAL0000000', secretAccessKey: 'rehearsal' } as const;
export const emulatedRegion = 'us-east-1';
export const emulatedAccount = '000000000000';

/** Running emulators. Disposing stops those that were started; they also end when this process is killed. */
export interface Emulators extends AsyncDisposable {
  readonly endpoints: Endpoints;
  readonly region: typeof emulatedRegion;
  readonly account: typeof emulatedAccount;
  readonly credentials: typeof emulatedCredentials;
}

/**
 * Emulators of SNS, SQS and S3 (fauxqs) and DynamoDB (dynoxide), with nothing in them, listening on this machine only.
 *
 * @throws EmulatorMissingError when one is not installed, does not start, or does not answer where it was said to be.
 */
export async function startEmulators(options: EmulatorOptions = {}): Promise<Emulators> {
  const variables = dynamodbVariables();
  const given: Partial<Endpoints> = {
    ...(variables.endpoint === undefined ? {} : { dynamodb: variables.endpoint }),
    ...options.endpoints,
  };
  await Promise.all(Object.entries(given).map(([service, endpoint]) => reached(service, endpoint)));
  await using started = new AsyncDisposableStack();
  const reaper = started.use(new Reaper());
  const all = ['sns', 'sqs', 's3'].every((service) => Object.hasOwn(given, service));
  const dynamodb = given.dynamodb ?? (await startDynoxide(findDynoxide(variables.binary), reaper));
  const messaging = all ? '' : await startFauxqs(started);
  const running = started.move();
  return {
    endpoints: { sns: messaging, sqs: messaging, s3: messaging, dynamodb, ...given },
    region: emulatedRegion,
    account: emulatedAccount,
    credentials: emulatedCredentials,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function reached(service: string, endpoint: string): Promise<void> {
  if (await answers(endpoint)) return;
  throw new EmulatorMissingError(
    `no emulator of ${service} answers at ${endpoint}: start it, or leave the endpoint out`,
  );
}

/** Not its own `startFauxqs`, which listens on all interfaces. */
async function startFauxqs(started: AsyncDisposableStack): Promise<string> {
  const { buildApp } = await import('fauxqs').catch((cause: unknown) => {
    throw new EmulatorMissingError('no SNS, SQS and S3 emulator: npm package fauxqs is not installed', { cause });
  });
  const app = buildApp({ logger: false, defaultRegion: emulatedRegion });
  started.defer(() => app.close());
  await app.listen({ port: 0, host: '127.0.0.1' });
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
}
