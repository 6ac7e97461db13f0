/** @module The calls to Lambda itself that functions and tools make: invoking, and looking after event source mappings. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Json, JsonObject } from '../core/json.ts';
import { type LocalFunction, MAX_PAYLOAD_BYTES } from './functions/local-function.ts';
import { lambdaAccess, type Named } from './permissions/lambda-access.ts';
import type { Permissions } from './permissions/permissions.ts';
import { readText } from './serve-locally.ts';
import type { Source } from './sources/mapping.ts';

export interface ControlledCloud {
  /** By name or ARN. */
  functionOf(nameOrArn: string): LocalFunction | undefined;
  readonly sources: readonly Source[];
  /** Of a resource, as the template has them. */
  tagsOf(arn: string): Json | undefined;
  /** The function that signs with an access key. */
  callerOf(accessKeyId: string): string | undefined;
  readonly permissions: Permissions;
}

type Answer = readonly [status: number, body: Json | string, headers?: Readonly<Record<string, string>>];

const refuses = (status: number, type: string, message: string): Answer => [
  status,
  { Type: 'User', Message: message, message },
  { 'x-amzn-errortype': type },
];
const notFound = (what: string) => refuses(404, 'ResourceNotFoundException', `${what} is not in the rehearsed stack`);

/** Answers what it knows, and everything else with 501, so that no call leaves this machine in silence. */
export class ControlPlane {
  readonly #cloud: ControlledCloud;

  constructor(cloud: ControlledCloud) {
    this.#cloud = cloud;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readText(request);
    const refusal = this.#refusal(request);
    const [status, answer, headers = {}] =
      refusal === undefined ? await this.#handle(request, body) : refuses(403, 'AccessDeniedException', refusal);
    const text = typeof answer === 'string' ? answer : JSON.stringify(answer);
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
  }

  #refusal({ url = '/', method = 'GET', headers }: IncomingMessage): string | undefined {
    const [, accessKeyId = ''] = /Credential=([^/]+)\//.exec(headers.authorization ?? '') ?? [];
    const caller = this.#cloud.callerOf(accessKeyId);
    const access = lambdaAccess(method, new URL(url, 'http://localhost').pathname, (id) => this.#named(id));
    if (caller === undefined || access === undefined) return undefined;
    return this.#cloud.permissions.refusalOf(caller, access.action.replace('lambda:', ''), [access]);
  }

  #named(id: string): Named | undefined {
    const { tagsOf, sources } = this.#cloud;
    const mapping = sources.find(({ definition }) => definition.uuid === id)?.definition;
    if (mapping !== undefined)
      return { arn: mapping.arn, tags: tagsOf(mapping.arn), functionArn: mapping.target.definition.arn };
    const arn = this.#cloud.functionOf(id)?.definition.arn;
    return arn === undefined ? undefined : { arn, tags: tagsOf(arn) };
  }

  async #handle({ url = '/', method, headers }: IncomingMessage, body: string): Promise<Answer> {
    const { pathname, searchParams } = new URL(url, 'http://localhost');
    const [, , kind, id = '', action] = pathname.split('/').map(decodeURIComponent);
    if (kind === 'functions' && action === 'invocations' && method === 'POST')
      return await this.#invoke(id, body, headers['x-amz-invocation-type'] === 'Event');
    if (kind === 'event-source-mappings' && method === 'GET' && id === '')
      return [200, { EventSourceMappings: this.#listed(searchParams).map(described) }];
    if (kind === 'event-source-mappings' && (method === 'GET' || method === 'PUT')) {
      const source = this.#cloud.sources.find(({ definition }) => definition.uuid === id);
      if (source === undefined) return notFound(`event source mapping ${id}`);
      return method === 'GET' ? [200, described(source)] : changed(source, JSON.parse(body) as JsonObject);
    }
    const target = headers['x-amz-target'] ?? `${method} ${pathname}`;
    return refuses(501, 'NotEmulatedException', `${String(target)} is not emulated by the rehearsal`);
  }

  async #invoke(name: string, payload: string, isEvent: boolean): Promise<Answer> {
    const target = this.#cloud.functionOf(name);
    if (target === undefined) return notFound(`function ${name}`);
    if (Buffer.byteLength(payload) > MAX_PAYLOAD_BYTES)
      return refuses(413, 'RequestTooLargeException', `the payload is larger than ${MAX_PAYLOAD_BYTES} bytes`);
    if (payload !== '' && !isJson(payload))
      return refuses(400, 'InvalidRequestContentException', 'Could not parse request body into json');
    const running = target.invoke(payload === '' ? '{}' : payload);
    if (isEvent) return [202, ''];
    const { functionError, payload: answer } = await running;
    const failed = functionError === undefined ? {} : { 'x-amz-function-error': functionError };
    return [200, answer, { 'x-amz-executed-version': '$LATEST', ...failed }];
  }

  #listed(search: URLSearchParams): readonly Source[] {
    const [name, arn] = [search.get('FunctionName'), search.get('EventSourceArn')];
    return this.#cloud.sources.filter(({ definition: { target, sourceArn } }) => {
      const { definition } = target;
      return (name === null || [definition.name, definition.arn].includes(name)) && (arn === null || sourceArn === arn);
    });
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Only `Enabled` can be changed. */
function changed(source: Source, changes: JsonObject): Answer {
  const { Enabled, FunctionName: _, ...others } = changes;
  const [other] = Object.keys(others);
  if (other !== undefined)
    return refuses(501, 'NotEmulatedException', `a change of ${other} is not emulated by the rehearsal`);
  if (Enabled === true) source.enable();
  if (Enabled === false) source.disable();
  return [202, described(source)];
}

const described = ({ definition, state }: Source): JsonObject => ({
  UUID: definition.uuid,
  BatchSize: definition.batchSize,
  EventSourceArn: definition.sourceArn,
  EventSourceMappingArn: definition.arn,
  FunctionArn: definition.target.definition.arn,
  State: state,
  StateTransitionReason: 'USER_INITIATED',
});
