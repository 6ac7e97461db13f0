/** @module All routes of the HTTP API. */
import type { Route } from '../route.ts';
import * as agents from './agents.ts';
import { attachments } from './attachments.ts';
import * as messages from './messages.ts';
import * as platform from './platform.ts';
import { publish } from './publish.ts';
import * as recovery from './recovery.ts';
import { stream } from './stream.ts';

export const allRoutes: readonly Route[] = [
  publish,
  messages.history,
  messages.message,
  messages.thread,
  messages.conversationMessages,
  messages.topics,
  stream,
  agents.agents,
  messages.agentMessages,
  agents.pause,
  agents.resume,
  agents.explain,
  messages.deadLetters,
  recovery.makePlan,
  recovery.plan,
  recovery.runPlan,
  attachments,
  platform.live,
  platform.ready,
  platform.metrics,
  platform.openapi,
];
