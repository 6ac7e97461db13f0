/** @module Calls of the rehearsal itself to the emulators, beside whatever stands in front of them for the functions. */
import { Agent, request } from 'node:http';
import type { Json, JsonObject } from '../core/json.ts';
import { type EmulatedService, type Emulators, emulatedCredentials } from './emulators.ts';
import { EmulatorRefusedError } from './rehearsal-errors.ts';

/** The emulators take the region from the signature, and do not check it. */
function headersFor(service: string, region: string): Record<string, string> {
  const now = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const scope = `${emulatedCredentials.accessKeyId}/${now.slice(0, 8)}/${region}/${service}/aws4_request`;
  return {
    authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host;x-amz-date, Signature=none`,
    'x-amz-date': now,
  };
}

/** Speaks to the emulators; closing it ends calls that wait. */
export class EmulatorClient implements Disposable {
  readonly #emulators: Emulators;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });

  constructor(emulators: Emulators) {
    this.#emulators = emulators;
  }

  get endpoints(): Emulators['endpoints'] {
    return this.#emulators.endpoints;
  }

  sqs(action: string, body: JsonObject): Promise<JsonObject> {
    return this.#json('sqs', '1.0', `AmazonSQS.${action}`, body);
  }

  dynamodb(action: string, body: JsonObject): Promise<JsonObject> {
    return this.#json('dynamodb', '1.0', `DynamoDB_20120810.${action}`, body);
  }

  streams(action: string, body: JsonObject): Promise<JsonObject> {
    return this.#json('dynamodb', '1.0', `DynamoDBStreams_20120810.${action}`, body);
  }

  /** SNS takes forms: `Attributes.entry.1.key` for what is a map. */
  async sns(
    action: string,
    fields: Readonly<Record<string, string>>,
    attributes: Readonly<Record<string, string>>,
  ): Promise<void> {
    const form = new URLSearchParams({ Action: action, Version: '2010-03-31', ...fields });
    for (const [index, [key, value]] of Object.entries(attributes).entries()) {
      form.set(`Attributes.entry.${index + 1}.key`, key);
      form.set(`Attributes.entry.${index + 1}.value`, value);
    }
    await this.#send(
      'sns',
      action,
      'POST',
      '/',
      { 'content-type': 'application/x-www-form-urlencoded' },
      form.toString(),
    );
  }

  async createBucket(name: string): Promise<void> {
    await this.#send('s3', 'CreateBucket', 'PUT', `/${name}`, {}, '');
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  async #json(service: EmulatedService, version: string, target: string, body: JsonObject): Promise<JsonObject> {
    const headers = { 'content-type': `application/x-amz-json-${version}`, 'x-amz-target': target };
    const answer = await this.#send(service, target, 'POST', '/', headers, JSON.stringify(body));
    return (answer === '' ? {} : JSON.parse(answer)) as JsonObject;
  }

  #send(
    service: EmulatedService,
    action: string,
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body: string,
  ): Promise<string> {
    const { endpoints, region } = this.#emulators;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const fail = (why: string, cause?: unknown) =>
      reject(new EmulatorRefusedError(`${service} refuses ${action}: ${why}`, { cause }));
    const call = request(new URL(path, endpoints[service]), {
      agent: this.#agent,
      method,
      headers: { ...headersFor(service, region), ...headers, 'content-length': Buffer.byteLength(body) },
    });
    call.on('error', (error) => fail(error.message, error));
    call.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', (error) => fail(error.message, error));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if ((response.statusCode ?? 500) < 300) resolve(text);
        else fail(text.slice(0, 500));
      });
    });
    call.end(body);
    return promise;
  }
}

/** A list in an answer; none where the answer has none. */
export function listIn<T>(answer: JsonObject, field: string): readonly T[] {
  const value: Json | undefined = answer[field];
  return Array.isArray(value) ? (value as readonly T[]) : [];
}
