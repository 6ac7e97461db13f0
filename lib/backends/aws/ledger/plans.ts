/** @module Plans (D7): lists that are frozen when they are made, and worked off group by group. */
import { randomUUID } from 'node:crypto';
import { admissionOf, follows } from '../../../core/admission.ts';
import { deadLetterOf } from '../../../core/dead-letter.ts';
import { EmptyPlanError, NotFoundError } from '../../../core/errors.ts';
import type { Message } from '../../../core/message.ts';
import type { Plan, PlanId, PlanRequest, ReadQuery } from '../../backend.ts';
import { wantedLetters } from '../../wanted-letters.ts';
import { interestOf } from '../aws-settings.ts';
import type { AwsCalls } from '../calls/aws-calls.ts';
import type { LogReader } from '../log/log-reader.ts';
import { namespaceOf, type PlanRows } from './plan-rows.ts';
import type { PlanWork } from './plan-work.ts';

const PAGE = 500;
/** Entries that are worked off in one step: as many as SNS takes in one call. */
const GROUP = 10;

export class Plans {
  readonly #calls: AwsCalls;
  readonly #reader: LogReader;
  readonly #rows: PlanRows;
  readonly #work: PlanWork;

  constructor(calls: AwsCalls, reader: LogReader, rows: PlanRows, work: PlanWork) {
    this.#calls = calls;
    this.#reader = reader;
    this.#rows = rows;
    this.#work = work;
  }

  async make(request: PlanRequest): Promise<Plan> {
    const { namespace, agent, action } = request;
    if (action !== 'discard') this.#mustFollow(namespace, agent);
    const entries = request.action === 'replay' ? await this.#toReplay(request) : await this.#openLetters(request);
    if (entries.length === 0) throw new EmptyPlanError(action, agent);
    const id = `${namespace}.${randomUUID()}` as PlanId;
    const plan = { id, namespace, agent, action, total: entries.length, done: 0, skipped: 0, finished: false };
    await this.#rows.put(plan, entries);
    return plan;
  }

  async run(id: PlanId, max: number): Promise<Plan> {
    const { namespaces } = this.#calls.settings;
    // Whoever names a plan may have made its name up, and no row of another namespace can be read.
    if (namespaces !== undefined && !namespaces.includes(namespaceOf(id))) throw new NotFoundError(`plan ${id}`);
    for (let left = max; ; ) {
      const plan = await this.#rows.get(id);
      if (plan === undefined) throw new NotFoundError(`plan ${id}`);
      if (left <= 0 || plan.finished) return plan;
      if (plan.action !== 'discard') this.#mustFollow(plan.namespace, plan.agent);
      if (plan.done === 0) await this.#rows.begin(plan);
      const entries = await this.#rows.entries(id, plan.done, Math.min(left, GROUP));
      if (entries.length === 0) throw new NotFoundError(`what plan ${id} lists`);
      // If somebody else works on the same plan, the group counts for whoever was first.
      await this.#work.run(plan, entries);
      left -= entries.length;
    }
  }

  /** Those that somebody began and nobody has worked on for `idleMs`. What is only planned nobody has asked to be done. */
  async abandoned(namespace: string, idleMs: number): Promise<readonly Plan[]> {
    const begun = await this.#rows.begun(namespace);
    const before = this.#calls.clock.now() - idleMs;
    return begun.filter(({ workedAt }) => workedAt < before).map(({ plan }) => plan);
  }

  /** Leaves a plan that was begun to whoever runs it by its id. */
  forget(id: PlanId): Promise<void> {
    return this.#rows.forget(id);
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
    const interest = interestOf(this.#calls.settings, agent);
    if (interest === undefined) return [];
    const messages = await this.#readAll({ namespace, where, from, to, filter, order: 'id', limit: PAGE });
    return messages.filter(
      (message) => follows(interest, message.topic) && admissionOf(interest, message) === 'admitted',
    );
  }

  async #readAll(query: ReadQuery): Promise<readonly Message[]> {
    const messages: Message[] = [];
    for (let page = await this.#reader.read(query); ; page = await this.#reader.read({ ...query, after: page.next })) {
      messages.push(...page.items);
      if (page.next === undefined) return messages;
    }
  }

  #mustFollow(namespace: string, agent: string): void {
    if (interestOf(this.#calls.settings, agent) === undefined)
      throw new NotFoundError(`subscription of agent "${agent}" in namespace "${namespace}"`);
  }
}
