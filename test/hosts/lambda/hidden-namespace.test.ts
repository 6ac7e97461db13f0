import { genericJson, openBus } from 'guildwire';
import { describe, expect, test } from 'vitest';
import type { HttpAnswer } from '../../../lib/hosts/lambda/events.ts';
import { httpHandler } from '../../../lib/hosts/lambda/http-handler.ts';
import { ingestHandler } from '../../../lib/hosts/lambda/ingest-handler.ts';
import { allRoutes } from '../../../lib/http/routes/all-routes.ts';
import { family, follower, manifestOf } from '../../backends/aws/relay/lab.ts';
import { contextOf, httpEvent, inMemory, jwt } from './lab.ts';

const manifest = manifestOf([follower('reader', ['doc.*'])], [family('doc.*')]);
const routes = allRoutes.filter(({ path }) => path.includes('{namespace}'));
const NOTHING = '01ARZ3NDEKTSV4RRFFQ69G5FA4';

/** A deployment in which "other" has a message, of which a caller from "prod" is to learn nothing. */
async function deployed() {
  const { backend, options } = inMemory({ namespaces: ['prod', 'other'] });
  const bus = openBus(backend, { namespace: 'other', sender: 'x' });
  const id = await bus.publish('doc.new', genericJson, 'secret', { conversationId: 'talk' });
  return { options, id };
}

/** All of an answer but what names the namespace or the one request. */
const told = ({ statusCode, headers, body }: HttpAnswer, namespace: string) => {
  const { 'x-request-id': _, ...others } = headers;
  const text = body.replaceAll(/"requestId":"[^"]*"/g, '').replaceAll(new RegExp(`\\b${namespace}\\b`, 'g'), '…');
  return { statusCode, headers: others, text };
};

describe.each([
  ['a token for another namespace', jwt({ guildwire_namespaces: 'prod' })],
  [
    'a token that may do everything there',
    jwt({ guildwire_namespaces: 'prod', guildwire_permissions: 'read publish operate' }),
  ],
  ['a token without claims', jwt({})],
])('with %s', (_, authorizer) => {
  test.each(routes.map(({ id, path, method }) => [id, method, path] as const))(
    '%s answers for a namespace of others as for one that does not exist',
    async (_, method, path) => {
      const { options, id } = await deployed();
      const handler = httpHandler(manifest, options);
      const ask = async (namespace: string, messageId: string, more = '', body: unknown = { payload: 1 }) => {
        const filled = path
          .replace('{namespace}', namespace)
          .replace('{topic}', 'doc.new')
          .replace('{agent}', 'reader')
          .replace('{plan}', 'a-plan')
          .replace('{id}', path.includes('conversations') ? 'talk' : messageId);
        expect(filled).not.toContain('{');
        const asked = { method, authorizer, ...(method === 'POST' && { body }) };
        return told(await handler(httpEvent(`${filled}${more}`, asked), contextOf()), namespace);
      };

      const foreign = await ask('other', id);
      expect(foreign.statusCode).toBe(403);
      expect(foreign).toEqual(await ask('nowhere', NOTHING));
      expect(foreign.text).not.toContain('secret');
      // What is wrong with the rest of the request is not looked at either.
      expect(await ask('other', 'x', '?limit=0&foo=1', 'no json')).toEqual(
        await ask('nowhere', 'x', '?limit=0&foo=1', 'no json'),
      );
    },
  );
});

test('who invokes ingest is told the same of a namespace that is not served as of one that does not exist', async () => {
  const { options } = await deployed();
  const ingest = ingestHandler(manifest, { ...options, namespaces: ['prod'] });
  const refusal = async (namespace: string) => {
    const error = await ingest({ namespace, topic: 'doc.new', payload: 1 }, contextOf()).catch(
      (caught: Error) => caught,
    );
    return { ...(error as object), text: (error as Error).message.replaceAll(namespace, '…') };
  };

  expect(await refusal('other')).toMatchObject({ code: 'FORBIDDEN', retryable: false });
  expect(await refusal('other')).toEqual(await refusal('nowhere'));
});
