/** Events as AWS hands them to functions, over a backend in memory. */
import { MemoryBackend } from 'guildwire';
import type { HttpHandlerOptions } from '../../../lib/hosts/lambda/edge.ts';
import type { HttpAnswer, HttpEvent, LambdaContext } from '../../../lib/hosts/lambda/events.ts';
import type { httpHandler } from '../../../lib/hosts/lambda/http-handler.ts';
import { RecordedLog } from '../../guild/lab.ts';

export const contextOf = (remainingMs = 30_000): LambdaContext => {
  const endsAt = Date.now() + remainingMs;
  return { awsRequestId: 'request-1', getRemainingTimeInMillis: () => endsAt - Date.now() };
};

export const iam = { iam: { userArn: 'arn:aws:sts::111122223333:assumed-role/Editor/ada' } };
export const jwt = (claims: Readonly<Record<string, unknown>>) => ({ jwt: { claims: { sub: 'ada', ...claims } } });

export interface Asked {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly authorizer?: HttpEvent['requestContext']['authorizer'];
  readonly isBase64Encoded?: boolean;
  readonly stage?: string;
}

export function httpEvent(path: string, asked: Asked = {}): HttpEvent {
  const { body, stage = '$default', isBase64Encoded = false, authorizer = iam } = asked;
  const { method = body === undefined ? 'GET' : 'POST' } = asked;
  const [rawPath = '', rawQueryString = ''] = path.split('?');
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return {
    version: '2.0',
    rawPath: stage === '$default' ? rawPath : `/${stage}${rawPath}`,
    rawQueryString,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...asked.headers },
    ...(body !== undefined && { body: isBase64Encoded ? Buffer.from(text).toString('base64') : text }),
    isBase64Encoded,
    requestContext: {
      domainName: 'abc.execute-api.us-east-1.amazonaws.com',
      stage,
      requestId: 'api-1',
      http: { method },
      ...(authorizer !== undefined && { authorizer }),
    },
  };
}

/** Options over one backend in memory, and what was said. */
export function inMemory(options: HttpHandlerOptions = {}) {
  const backend = new MemoryBackend();
  const log = new RecordedLog();
  return { backend, log, options: { open: () => backend, namespaces: ['prod', 'test'], log, ...options } };
}

export type Manifest = Parameters<typeof httpHandler>[0];
export const bodyOf = ({ body }: HttpAnswer): never => JSON.parse(body) as never;
