/** @module Large payloads, which are uploaded beside the API. */
import { defineRoute, toJson } from '../route.ts';
import { UploadPlace } from '../schemas/answers.ts';
import { closed, namespace } from '../schemas/fields.ts';
import { NewAttachment } from '../schemas/new-attachment.ts';

export const attachments = defineRoute({
  id: 'attachments',
  method: 'POST',
  path: '/v1/namespaces/{namespace}/attachments',
  tag: 'messages',
  summary: 'Ask where to upload a large payload',
  description:
    'The answer is one request, which takes these bytes and no others until it expires. A message published then names them as its `attachment`, in place of a `payload`.',
  needs: 'publish',
  params: closed({ namespace }),
  query: closed({}),
  body: NewAttachment,
  answers: { 200: { description: 'The request that uploads it.', schema: UploadPlace } },
  problems: [400, 413, 415, 501],
  run: async ({ services, params, body }) => toJson(200, await services.backend.uploads.place(params.namespace, body)),
});
