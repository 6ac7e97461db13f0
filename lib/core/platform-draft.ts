/** @module Messages that Guildwire itself writes: dead letters, and the announcement of a topic. */
import { type Priority, Priority as priorities, priorityOf } from './gemstone-id.ts';
import { freezeJson, type Json, jsonBytes } from './json.ts';
import { childThread, type Draft, type Message } from './message.ts';

const NONE: readonly never[] = Object.freeze([]);
const EMPTY = Object.freeze({});

/**
 * A message from the platform. What it is about, if anything, is its parent: it continues that thread and conversation, one
 * generation further, at the same priority.
 *
 * @param part Which part of the platform speaks; the sender is `platform:<part>`, which no agent can be called.
 */
export function platformDraft(
  part: string,
  key: { readonly namespace: string; readonly topic: string },
  content: { readonly format: string; readonly payload: object; readonly status?: 'error' },
  parent?: Message,
): Draft {
  const payload = freezeJson(content.payload) as Json;
  const priority: Priority = parent === undefined ? priorities.NORMAL : priorityOf(parent.id);
  return {
    message: {
      namespace: key.namespace,
      topics: Object.freeze([key.topic]),
      sender: Object.freeze({ id: `platform:${part}` }),
      format: content.format,
      formatVersion: 1,
      encoding: 'json',
      payload,
      recipients: NONE,
      thread: parent === undefined ? NONE : Object.freeze(childThread(parent)),
      ...(parent?.conversationId !== undefined && { conversationId: parent.conversationId }),
      steps: parent?.steps ?? NONE,
      sessionState: parent?.sessionState ?? EMPTY,
      enrichWithHistory: 0,
      ...(content.status !== undefined && { status: content.status }),
      hops: parent === undefined ? 0 : parent.hops + 1,
      headers: EMPTY,
    },
    priority,
    payloadBytes: jsonBytes(payload),
  };
}
