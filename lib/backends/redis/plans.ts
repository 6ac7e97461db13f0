/** @module Plans (D7): lists that are frozen when they are made, and worked off in chunks. */
import { randomUUID } from 'node:crypto';
import { admissionOf, follows } from '../../core/admission.ts';
import { encodeMessage } from '../../core/codec.ts';
import { type DeadLetter, deadLetterOf } from '../../core/dead-letter.ts';
import { EmptyPlanError, NotFoundError } from '../../core/errors.ts';
import { type Message, type MessageKey, parseReference, toReference } from '../../core/message.ts';
import type { Plan, PlanId, PlanRequest, ReadQuery } from '../backend.ts';
import { wantedLetters } from '../wanted-letters.ts';
import { descentOf } from './entries.ts';
import { luaJson } from './lua-json.ts';
import type { Namespaces } from './namespace.ts';
import type { Reading } from './reading.ts';
import { list, number, type Reply, text } from './reply.ts';
import { isHalted } from './settlements.ts';

const PAGE = 500;
/** Entries that one call works off. */
const CHUNK = 50;

export class Plans {
  readonly #namespaces: Namespaces;
  readonly #reading: Reading;

  constructor(namespaces: Namespaces, reading: Reading) {
    this.#namespaces = namespaces;
    this.#reading = reading;
  }

  async make(request: PlanRequest): Promise<Plan> {
    const { namespace, agent, action } = request;
    if (action !== 'discard') await this.#mustHaveSubscription(namespace, agent);
    const entries = request.action === 'replay' ? await this.#toReplay(request) : await this.#openLetters(request);
    if (entries.length === 0) throw new EmptyPlanError(action, agent);
    const id = randomUUID();
    let reply: Reply = [];
    for (let start = 0; start < entries.length; start += PAGE) {
      const args = [id, agent, action, entries.length, start, ...entries.slice(start, start + PAGE).map(toReference)];
      reply = await this.#namespaces.call('plan', namespace, args);
    }
    return toPlan(namespace, `${namespace}.${id}` as PlanId, reply);
  }

  async run(id: PlanId, max: number): Promise<Plan> {
    const dot = id.lastIndexOf('.');
    if (dot < 1) throw new NotFoundError(`plan ${id}`);
    const [namespace, plan] = [id.slice(0, dot), id.slice(dot + 1)];
    for (let left = max; ; ) {
      const chunk = Math.min(left, CHUNK);
      const [found, entries] = list(await this.#namespaces.call('plan_next', namespace, [plan, Math.max(0, chunk)]));
      if (list(found).length === 0) throw new NotFoundError(`plan ${id}`);
      const now = toPlan(namespace, id, found);
      if (now.finished || list(entries).length === 0) return now;
      const keys = list(entries).map((entry) => parseReference(text(entry)));
      const reply = list(
        await this.#namespaces.call('plan_run', namespace, [plan, now.done, ...(await this.#work(now, keys))]),
      );
      if (text(reply[1]) === 'nobody') throw nobody(namespace, now.agent);
      const after = toPlan(namespace, id, reply[0]);
      left -= after.done - now.done;
      if (left <= 0 || after.finished) return after;
    }
  }

  /** What the function `plan_run` takes for these entries: JSON, then bodies. */
  async #work({ namespace, action }: Plan, keys: readonly MessageKey[]): Promise<(string | Buffer)[]> {
    if (action === 'replay') return [JSON.stringify(keys.map((item) => ({ item })))];
    const found = await this.#reading.references(namespace, keys);
    const letters = new Map(found.map((letter) => [letter.id, letter]));
    const bodies: (string | Buffer)[] = [];
    const entries = keys.map((key) => {
      const entry = { letter: toLetter(key) };
      const letter = letters.get(key.id);
      if (action === 'discard' || letter === undefined) return entry;
      const { item, body } = originalOf(deadLetterOf(letter));
      // The first body comes behind the plan, what is done, and the entries.
      return { ...entry, item, b: bodies.push(body) + 3 };
    });
    return [luaJson(entries), ...bodies];
  }

  async #openLetters(request: PlanRequest & { action: 'redrive' | 'discard' }): Promise<readonly Message[]> {
    const { namespace, agent } = request;
    const open = await this.#readAll({ namespace, where: { deadLettersOf: agent }, order: 'id', limit: PAGE });
    return wantedLetters(open, request, (letter) => {
      const { original, errors } = deadLetterOf(letter);
      return { id: letter.id, original, errorName: errors.at(-1)?.name };
    });
  }

  async #toReplay(request: PlanRequest & { action: 'replay' }): Promise<readonly Message[]> {
    const { namespace, agent, where, from, to, filter = {} } = request;
    const subscription = this.#namespaces.registry(namespace).subscriptionOf(agent);
    const messages = await this.#readAll({ namespace, where, from, to, filter, order: 'id', limit: PAGE });
    return messages.filter(
      (message) =>
        subscription !== undefined &&
        follows(subscription, message.topic) &&
        admissionOf(subscription, message) === 'admitted',
    );
  }

  async #readAll(query: ReadQuery): Promise<readonly Message[]> {
    const messages: Message[] = [];
    for (
      let page = await this.#reading.read(query);
      ;
      page = await this.#reading.read({ ...query, after: page.next })
    ) {
      messages.push(...page.items);
      if (page.next === undefined) return messages;
    }
  }

  async #mustHaveSubscription(namespace: string, agent: string): Promise<void> {
    const registry = this.#namespaces.registry(namespace);
    await registry.refresh();
    if (registry.subscriptionOf(agent) === undefined) throw nobody(namespace, agent);
  }
}

const nobody = (namespace: string, agent: string) =>
  new NotFoundError(`subscription of agent "${agent}" in namespace "${namespace}"`);

/** As the list of open dead letters names it. */
const toLetter = ({ id, topic }: MessageKey) => `${id}/${topic}`;

/** The delivery that a dead letter was, with what is stored again if it is no longer kept. */
function originalOf(letter: DeadLetter) {
  const { original, raw, topic, id, reason } = letter;
  const topics = (original?.topics ?? [topic]).map((name) => ({ name }));
  const item = { id, topic, topics, halted: isHalted(reason), ...(original !== undefined && descentOf(original)) };
  return { item, body: original === undefined ? Buffer.from(raw ?? '', 'base64') : encodeMessage(original) };
}

function toPlan(namespace: string, id: PlanId, reply: Reply): Plan {
  const [agent, action, ...numbers] = list(reply);
  const [total = 0, done = 0, skipped = 0] = numbers.map(number);
  return {
    id,
    namespace,
    agent: text(agent),
    action: text(action) as Plan['action'],
    total,
    done,
    skipped,
    finished: done >= total,
  };
}
