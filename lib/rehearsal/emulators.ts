/** @module The emulators that a rehearsal runs on: SNS, SQS and S3 in this process, DynamoDB as a child of it. */
import type { AddressInfo } from 'node:net';
import { dynamodbVariables } from '../environment/rehearsal-variables.ts';
import { Reaper } from './reaper.ts';
import { EmulatorLostError, EmulatorMissingError } from './rehearsal-errors.ts';
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
/** The largest payload of a message. */
const MAX_UPLOAD_BYTES = 25 * 1024 * 1024;

/** Running emulators. Disposing stops those that were started; they also end when this process is killed. */
export interface Emulators extends AsyncDisposable {
  readonly endpoints: Endpoints;
  readonly region: typeof emulatedRegion;
  readonly account: typeof emulatedAccount;
  readonly credentials: typeof emulatedCredentials;
  /** Whether tables outlive these, in a DynamoDB that was given. */
  readonly keepsTables: boolean;
  /** Aborts when one that was started ends by itself, with an EmulatorLostError as its reason. */
  readonly lost: AbortSignal;
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
  const dynoxide =
    given.dynamodb === undefined ? await startDynoxide(findDynoxide(variables.binary), reaper) : undefined;
  const messaging = all ? '' : await startFauxqs(started);
  const lost = new AbortController();
  let isStopping = false;
  dynoxide?.ended.then((why) => {
    if (!isStopping) lost.abort(new EmulatorLostError(`the DynamoDB emulator is gone, with all it held: ${why}`));
  });
  const running = started.move();
  return {
    endpoints: { sns: messaging, sqs: messaging, s3: messaging, dynamodb: dynoxide?.endpoint ?? '', ...given },
    region: emulatedRegion,
    account: emulatedAccount,
    credentials: emulatedCredentials,
    keepsTables: given.dynamodb !== undefined,
    lost: lost.signal,
    [Symbol.asyncDispose]() {
      isStopping = true;
      return running.disposeAsync();
    },
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
    throw new EmulatorMissingError('no SNS, SQS and S3 emulator: npm package fauxqs is not installed; install it', {
      cause,
    });
  });
  const app = buildApp({ logger: false, defaultRegion: emulatedRegion });
  // What is uploaded in one piece may be larger than what it reads by itself.
  const uploaded = { parseAs: 'buffer', bodyLimit: MAX_UPLOAD_BYTES } as const;
  app.addContentTypeParser('application/json', uploaded, (_, body, done) => done(null, body));
  started.defer(() => app.close());
  await app.listen({ port: 0, host: '127.0.0.1' });
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
}
