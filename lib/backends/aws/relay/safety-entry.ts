/** @module What the relay puts into the safety queue: the key of an item that nobody can hand on, and why. */
import { isGemstoneId } from '../../../core/gemstone-id.ts';
import type { MessageKey } from '../../../core/message.ts';
import { MAX_NAMESPACE, nameProblem, topicProblem } from '../../../core/topic.ts';
import { escapeNonCharacters } from '../log/item.ts';

export interface SafetyEntry {
  /** The key of the item, as far as it has one. */
  readonly pk: string | undefined;
  readonly sk: string | undefined;
  readonly problem: string;
}

const VERSION = 1;
const MAX_PROBLEM = 1_000;

/** Always one that SQS takes: a key may be any text, and what cannot even be set aside would hold up the stream for ever. */
export function encodeSafetyEntry({ pk, sk, problem }: SafetyEntry): string {
  return escapeNonCharacters(JSON.stringify({ v: VERSION, relay: { pk, sk, problem: problem.slice(0, MAX_PROBLEM) } }));
}

/** Undefined if it is none of the relay's. */
export function decodeSafetyEntry(body: string): SafetyEntry | undefined {
  try {
    const { v, relay } = JSON.parse(body) as { readonly v?: unknown; readonly relay?: SafetyEntry };
    return v === VERSION && typeof relay?.problem === 'string' ? relay : undefined;
  } catch {
    return undefined;
  }
}

/** Which message it was; undefined if its key is none of a message. */
export function messageOf({ pk = '', sk }: SafetyEntry): { namespace: string; key: MessageKey } | undefined {
  const [namespace = '', topic = ''] = pk.split('#');
  const isNamed = nameProblem(namespace, MAX_NAMESPACE) === undefined && topicProblem(topic) === undefined;
  return isNamed && isGemstoneId(sk) ? { namespace, key: { topic, id: sk } } : undefined;
}
