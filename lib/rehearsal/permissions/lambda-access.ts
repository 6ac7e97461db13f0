/** @module What a call to Lambda itself needs to be allowed. */
import type { Json, JsonObject } from '../../core/json.ts';
import type { Access } from './statement.ts';

/** What the call is about, where it is about one thing. */
export interface Named {
  readonly arn: string;
  /** As the template has them. */
  readonly tags: Json | undefined;
  /** Of a mapping: the function that it is for. */
  readonly functionArn?: string;
}

const MAPPING_ACTIONS: Readonly<Record<string, string>> = {
  GET: 'lambda:GetEventSourceMapping',
  PUT: 'lambda:UpdateEventSourceMapping',
};

/** Undefined for what the rehearsal does not answer. */
export function lambdaAccess(
  method: string,
  path: string,
  named: (id: string) => Named | undefined,
): Access | undefined {
  const [, , kind, id = '', verb] = path.split('/').map(decodeURIComponent);
  const isMapping = kind === 'event-source-mappings';
  if (isMapping && id === '' && method === 'GET')
    return { action: 'lambda:ListEventSourceMappings', resource: '*', context: {} };
  const action = isMapping ? MAPPING_ACTIONS[method] : verb === 'invocations' ? 'lambda:InvokeFunction' : undefined;
  const found = named(id);
  if (action === undefined || found === undefined) return undefined;
  const context = {
    ...tagContext(found.tags),
    ...(found.functionArn !== undefined && { 'lambda:functionarn': [found.functionArn] }),
  };
  return { action, resource: found.arn, context };
}

/** Tags that the template does not have may still come from the stack. */
function tagContext(tags: Json | undefined): Access['context'] {
  const pairs = Array.isArray(tags)
    ? (tags as readonly JsonObject[]).map(({ Key, Value }) => [String(Key), String(Value)] as const)
    : Object.entries((tags ?? {}) as JsonObject).map(([key, value]) => [key, String(value)] as const);
  return Object.fromEntries(pairs.map(([key, value]) => [`aws:resourcetag/${key.toLowerCase()}`, [value]]));
}
