/** @module Reading: history by topic, thread, conversation and agent, single messages, and topics. */

import * as z from 'zod/mini';
import type { Cursor, Page } from '../../backends/backend.ts';
import type { HistoryQuery } from '../../bus/history-query.ts';
import { InvalidArgumentError, NotFoundError } from '../../core/errors.ts';
import { type Message as MessageType, toReference } from '../../core/message.ts';
import { type Answer, type Call, defineRoute, toJson } from '../route.ts';
import { Message, Messages, Topics } from '../schemas/answers.ts';
import { agent, closed, conversation, gemstoneId, namespace, topic, topicOrPattern } from '../schemas/fields.ts';
import { HistoryQuery as Query, TopicsQuery } from '../schemas/queries.ts';

/** Characters of a page; one message that alone has more is a page as well. */
const MAX_PAGE = 32 * 1024 * 1024;
const LINK = { Link: 'rel="next": the next page, if there is one' };
const page = { 200: { description: 'A page of messages, by id.', schema: Messages, headers: LINK } };

/** None of the three can hold anything that a path may not. */
export const messagePath = (namespace: string, topic: string, id: string): string =>
  `/v1/namespaces/${namespace}/messages/${topic}/${id}`;

type Place = Pick<HistoryQuery, 'topic' | 'pattern' | 'thread' | 'conversation' | 'agent' | 'deadLettersOf'>;
type Reading = Call<{ readonly namespace: string }, z.output<typeof Query>>;

/** A page of what `place` names. */
export async function readPage({ services, principal, params, query, url }: Reading, place: Place): Promise<Answer> {
  const { cursor, ...filters } = query;
  const bus = services.buses.of(params.namespace, principal);
  const asked = { ...filters, ...place, ...(cursor !== undefined && { after: cursor as Cursor }) } as HistoryQuery;
  const read = await bus.read(asked).catch(inTermsOf('after', 'cursor'));
  const body = pageJson(read);
  if (body !== undefined) return pageAnswer(body, read.next, url);
  // Only the backend makes cursors, so a page that is too large is read again, shorter.
  const shorter = await bus.read({ ...asked, limit: fittingCount(read.items) });
  return pageAnswer(pageJson(shorter) ?? '', shorter.next, url);
}

/** Undefined if it is too large, and could be less. */
function pageJson({ items, next }: Page<MessageType>): string | undefined {
  // The text of many large payloads is longer than text can be.
  const isSuspect = items.length > 1 && items.some(({ attachment }) => attachment !== undefined);
  if (isSuspect && fittingCount(items) < items.length) return undefined;
  const body = JSON.stringify({ items, next });
  return body.length > MAX_PAGE && items.length > 1 ? undefined : body;
}

function fittingCount(items: readonly MessageType[]): number {
  let characters = 0;
  const at = items.findIndex((item) => {
    characters += JSON.stringify(item).length;
    return characters > MAX_PAGE;
  });
  return at < 0 ? items.length : Math.max(1, at);
}

function pageAnswer(body: string, next: Cursor | undefined, url: string): Answer {
  if (next === undefined) return { status: 200, body };
  return { status: 200, body, headers: { link: `<${linkTo(url, next)}>; rel="next"` } };
}

/** The same path and query behind a cursor; without the host, which a proxy may have changed. */
function linkTo(url: string, cursor: Cursor): string {
  const [path = '', query = ''] = url.slice(url.indexOf('/', 'https://'.length)).split('#', 1)[0]?.split('?') ?? [];
  const parameters = query.split('&').filter((parameter) => parameter !== '' && !parameter.startsWith('cursor='));
  return `${path}?${[...parameters, `cursor=${encodeURIComponent(cursor)}`].join('&')}`;
}

/** Faults are told in the words of HTTP. */
function inTermsOf(inner: string, outer: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new InvalidArgumentError(
      error.faults.map(({ field, problem }) => ({ field: field === inner ? outer : field, problem })),
    );
  };
}

export const history = defineRoute({
  id: 'history',
  method: 'GET',
  path: '/v1/namespaces/{namespace}/topics/{topic}/messages',
  tag: 'messages',
  summary: 'Read the history of a topic or a pattern',
  needs: 'read',
  params: closed({ namespace, topic: topicOrPattern }),
  query: Query,
  answers: page,
  problems: [400],
  run: (call) =>
    readPage(call, call.params.topic.includes('*') ? { pattern: call.params.topic } : { topic: call.params.topic }),
});

export const message = defineRoute({
  id: 'message',
  method: 'GET',
  path: messagePath('{namespace}', '{topic}', '{id}'),
  tag: 'messages',
  summary: 'Read one message by its reference',
  needs: 'read',
  params: closed({ namespace, topic, id: gemstoneId }),
  query: closed({}),
  answers: { 200: { description: 'The message.', schema: Message } },
  problems: [400, 404],
  run: async ({ services, principal, params }) => {
    const [found] = await services.buses.of(params.namespace, principal).get([params]);
    if (found === undefined) throw new NotFoundError(`message ${toReference(params)}`);
    return toJson(200, found);
  },
});

export const thread = defineRoute({
  id: 'thread',
  method: 'GET',
  path: '/v1/namespaces/{namespace}/threads/{id}',
  tag: 'messages',
  summary: 'Read everything that descends from a root, over all topics',
  needs: 'read',
  params: closed({ namespace, id: gemstoneId.check(z.describe('The id of the root.')) }),
  query: Query,
  answers: page,
  problems: [400],
  run: (call) => readPage(call, { thread: call.params.id }),
});

export const conversationMessages = defineRoute({
  id: 'conversation',
  method: 'GET',
  path: '/v1/namespaces/{namespace}/conversations/{id}',
  tag: 'messages',
  summary: 'Read a conversation, over all topics',
  needs: 'read',
  params: closed({ namespace, id: conversation }),
  query: Query,
  answers: page,
  problems: [400],
  run: (call) => readPage(call, { conversation: call.params.id }),
});

export const agentMessages = defineRoute({
  id: 'agentMessages',
  method: 'GET',
  path: '/v1/namespaces/{namespace}/agents/{agent}/messages',
  tag: 'agents',
  summary: 'Read the history of all topics that an agent follows',
  needs: 'read',
  params: closed({ namespace, agent }),
  query: Query,
  answers: page,
  problems: [400, 404],
  run: async (call) => {
    await mustBeAgent(call, call.params);
    return readPage(call, { agent: call.params.agent });
  },
});

export const deadLetters = defineRoute({
  id: 'deadLetters',
  method: 'GET',
  path: '/v1/namespaces/{namespace}/agents/{agent}/dead-letters',
  tag: 'recovery',
  summary: 'List the dead letters of an agent that were neither redriven nor discarded',
  description: 'Their payload holds the whole original and every error. Filters look at the dead letters themselves.',
  needs: 'read',
  params: closed({ namespace, agent }),
  query: Query,
  answers: page,
  problems: [400, 404],
  run: async (call) => {
    const answer = await readPage(call, { deadLettersOf: call.params.agent });
    // An agent that has left may have left dead letters, so only an empty list says that the name may be wrong.
    if (answer.body === '{"items":[]}') await mustBeAgent(call, call.params);
    return answer;
  },
});

export const topics = defineRoute({
  id: 'topics',
  method: 'GET',
  path: '/v1/namespaces/{namespace}/topics',
  tag: 'messages',
  summary: 'List the topics in use, in alphabetical order',
  needs: 'read',
  params: closed({ namespace }),
  query: TopicsQuery,
  answers: { 200: { description: 'The topics; reserved ones are left out.', schema: Topics, headers: LINK } },
  problems: [400],
  run: async ({ services, params, query, url }) => {
    const { items, next } = await services.backend.topics(params.namespace, query.cursor as Cursor | undefined);
    const headers = next === undefined ? undefined : { link: `<${linkTo(url, next)}>; rel="next"` };
    return toJson(200, { items, ...(next !== undefined && { next }) }, headers);
  },
});

/**
 * The guild has the agent, whether somebody runs it or not, or else it has a subscription.
 *
 * @throws NotFoundError
 */
export async function mustBeAgent(
  { services }: Pick<Call, 'services'>,
  params: { readonly namespace: string; readonly agent: string },
): Promise<void> {
  if (services.interests.some(({ agent }) => agent === params.agent)) return;
  const known = await services.backend.stats(params.namespace);
  if (!known.some(({ agent }) => agent === params.agent)) throw new NotFoundError(`agent "${params.agent}"`);
}
