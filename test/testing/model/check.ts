import { effectiveKey, type Message, rootIdOf, timeOf } from 'guildwire';
import { type Delivered, type Evidence, isCompleted } from './evidence.ts';
import type { Ending } from './observer.ts';
import type { Output, Payload } from './plan.ts';

/** Everything that breaks the contract, each with the number of its line. */
export function violationsOf(evidence: Evidence): readonly string[] {
  return [
    ...evidence.observer.violations,
    ...evidence.runs.late.map((delivery) => `G2 ${delivery} was started past its deadline`),
    ...foreignDeliveries(evidence),
    ...evidence.deliveries.flatMap((delivery) => wrongEnding(evidence, delivery)),
    ...wrongLog(evidence),
    ...wrongOrder(evidence),
    ...wrongCounts(evidence),
    ...wrongState(evidence),
  ];
}

function foreignDeliveries({ observer, deliveries }: Evidence): readonly string[] {
  const known = new Set(deliveries.map(({ delivery }) => delivery));
  return [...observer.handedOut].flatMap((delivery) => (known.has(delivery) ? [] : [`D1 ${delivery} is for nobody`]));
}

/** Every delivery ends once: handled, or as a dead letter for a reason that there was. */
function wrongEnding(evidence: Evidence, delivered: Delivered): readonly string[] {
  const { delivery, agent, message, outcome, endings, ending } = delivered;
  const { runs, deadLetters, mayDie } = evidence;
  const isAtMostOnce = agent.guarantee === 'at-most-once';
  const wrong: string[] = [];
  if (isAtMostOnce && (runs.starts.get(delivery) ?? 0) > 1) wrong.push(`D8 ${delivery} was started twice`);
  if (endings.length > 1) wrong.push(`D8 ${delivery} ended ${endings.length} times`);
  const letters = deadLetters.filter(
    (letter) => letter.agent === agent.name && letter.topic === message.topic && letter.id === message.id,
  );
  if (ending === undefined) {
    // The consumer of one that was acknowledged before its start may die with it, which the store then says.
    const isBuried = letters.length === 1 && letters[0]?.reason === 'crashed';
    if (!isAtMostOnce || !mayDie || !isBuried) wrong.push(`P1 ${delivery} never ended`);
    return wrong;
  }
  const { kind } = ending.settlement;
  const due = kind === 'dead' ? 1 : 0;
  if (letters.length !== due) wrong.push(`D7 ${delivery} has ${letters.length} dead letters in place of ${due}`);
  if (kind === 'dead') wrong.push(...wrongDeath(evidence, delivered, ending));
  else if (kind !== 'completed' || outcome !== 'completed') wrong.push(`D6 ${delivery} is ${kind}, not ${outcome}`);
  else if (!runs.finished.has(delivery)) wrong.push(`D1 ${delivery} was never handled`);
  return wrong;
}

function wrongDeath({ plan, mayDie }: Evidence, delivered: Delivered, { settlement, time }: Ending): readonly string[] {
  const { delivery, agent, message, outcome } = delivered;
  if (settlement.kind !== 'dead') return [];
  const { reason, fault } = settlement;
  const isHalted = reason === 'deadline' && time >= (message.deadlineAt ?? Number.POSITIVE_INFINITY);
  const isStopped = agent.guarantee === 'at-most-once' && (mayDie || plan.twinStopsAfterMs !== undefined);
  // Consumers that died again and again, and a store that was away when a handler needed it.
  const isOfChaos = mayDie && (reason === 'crashed' || fault.code === 'BACKEND_UNAVAILABLE');
  const isDue = reason === outcome || isHalted || isOfChaos || (isStopped && reason === 'failed');
  return isDue ? [] : [`D6 ${delivery} is dead: ${reason}, ${fault.message}`];
}

/**
 * In the log are roots and what completed attempts published, each once under each of its topics; besides, what attempts
 * published at once.
 */
function wrongLog({ plan, log, runs, deliveries }: Evidence): readonly string[] {
  const due = new Set(plan.roots.flatMap((root) => entriesOf(root)));
  const possible = new Set<string>();
  const effects = new Set<string>();
  for (const delivered of deliveries) {
    const { delivery, agent, act, message } = delivered;
    if (act.effect !== undefined && runs.starts.has(delivery)) {
      for (const entry of entriesOf(act.effect, message)) {
        effects.add(entry);
        (isCompleted(delivered) ? due : possible).add(entry);
      }
    }
    if (!isCompleted(delivered)) continue;
    for (const entry of act.outputs.flatMap((output) => entriesOf(output, message))) due.add(entry);
    if (act.timer !== undefined) due.add(entryOf(act.timer.path, `$self.${agent.name}`, message.id));
  }
  const found = Map.groupBy(log, ({ topic, payload }) => {
    const { path, parent } = payload as Payload;
    return entryOf(path, topic, parent);
  });
  const missing = [...due].filter((entry) => !found.has(entry)).map((entry) => `D9 ${entry} is not there`);
  const wrong = [...found].flatMap(([entry, { length }]) => {
    if (!due.has(entry) && !possible.has(entry)) return [`D9 ${entry} was never published`];
    return length > 1 ? [`D9 ${entry} is there ${length} times`] : [];
  });
  return [...missing, ...wrong];
}

const entryOf = (path: string, topic: string, parent: string) => `${path} under ${topic} from ${parent || 'the user'}`;
const entriesOf = ({ path, topics }: Pick<Output, 'path' | 'topics'>, parent?: Message) =>
  topics.map((topic) => entryOf(path, topic, parent?.id ?? ''));

/** With order by key, what joined its key earlier ends earlier. */
function wrongOrder({ observer, deliveries }: Evidence): readonly string[] {
  const { delayPrecisionMs } = observer.backend.features;
  const ended = deliveries.flatMap(({ agent, delivery, message, ending }) =>
    agent.ordering === 'none' || ending === undefined ? [] : [{ agent, delivery, message, at: ending.at }],
  );
  const lanes = Map.groupBy(ended, ({ agent, message }) => `${agent.name} ${effectiveKey(message)}`);
  return [...lanes.values()].flatMap((lane) =>
    lane.flatMap((one) =>
      lane
        .filter((other) => one.at > other.at && isBefore(one.message, other.message, delayPrecisionMs))
        .map((other) => `D4 ${other.delivery} ended before ${one.delivery}`),
    ),
  );
}

/** Whether `one` surely joined their key before `other`. Delayed messages join when they are due. */
function isBefore(one: Message, other: Message, precisionMs: number): boolean {
  if (one.deliverAt === undefined && other.deliverAt === undefined) return one.id < other.id;
  const joinedAt = ({ id, deliverAt = timeOf(id) }: Message) => deliverAt;
  return joinedAt(one) + precisionMs < joinedAt(other);
}

/** `settled` is not early, and counts right. */
function wrongCounts({ observer, settled, roots, deliveries }: Evidence): readonly string[] {
  const wrong: string[] = [];
  const byRoot = Map.groupBy(deliveries, ({ message }) => rootIdOf(message));
  const lastByRoot = new Map(observer.endings.map(({ message, at }) => [rootIdOf(message), at]));
  for (const [path, root] of roots) {
    const claim = settled.get(root);
    if (claim === undefined) {
      wrong.push(`G3 ${path} never settled`);
      continue;
    }
    if (claim.at < (lastByRoot.get(root) ?? 0)) wrong.push(`G3 ${path} was said to be settled too early`);
    const of = byRoot.get(root) ?? [];
    const handled = of.filter(isCompleted).length;
    const halted = of.filter(
      ({ ending }) => ending?.settlement.kind === 'dead' && ending.settlement.reason === 'deadline',
    );
    // Those that at-most-once lost count as failed.
    const due = { handled, failed: of.length - handled - halted.length, halted: halted.length, timers: 0 };
    const [said, meant] = [claim.result, due].map((counts) => JSON.stringify(counts));
    if (said !== meant) wrong.push(`G3 ${path} counts ${said}, not ${meant}`);
  }
  return wrong;
}

/** A counter counts every delivery that was handled, and no other. */
function wrongState({ state, deliveries }: Evidence): readonly string[] {
  const counted = deliveries.filter((delivered) => delivered.agent.hasState && isCompleted(delivered));
  const lanes = Map.groupBy(counted, ({ agent, message }) => `${agent.name} ${effectiveKey(message)}`);
  return [...lanes].flatMap(([lane, { length }]) => {
    const found = state.get(lane);
    return found === length ? [] : [`S1 ${lane} was counted ${String(found)} times in place of ${length}`];
  });
}
