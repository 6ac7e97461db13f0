import type { PublishOptions } from 'guildwire';
import { seededRandom, VirtualClock } from 'guildwire/testing';

/** An agent as drawn: whom it follows, what it was promised, and how it fails. */
export interface AgentPlan {
  readonly name: string;
  readonly patterns: readonly string[];
  readonly guarantee: 'at-least-once' | 'at-most-once' | 'exactly-once';
  readonly ordering: 'none' | 'key';
  readonly concurrency: number;
  readonly attempts: number;
  readonly isTagged: boolean;
  /** Counts its deliveries, by key. */
  readonly hasState: boolean;
}

export interface RootPlan {
  readonly path: string;
  readonly topics: readonly [string, ...string[]];
  readonly options: PublishOptions;
  /** After the one before. */
  readonly afterMs: number;
}

export interface Plan {
  readonly seed: number;
  readonly agents: readonly AgentPlan[];
  readonly roots: readonly RootPlan[];
  /** When the second instance of the guild stops; undefined if there is none. */
  readonly twinStopsAfterMs: number | undefined;
  /** An agent that is kept from its work for a while. */
  readonly pause: { readonly agent: string; readonly forMs: number } | undefined;
}

/** What messages carry. */
export interface Payload {
  readonly [key: string]: string | number;
  /** How they came about, whatever their ids are; all that an agent does depends on it. */
  readonly path: string;
  /** The id of the message that was being handled; empty for a root. */
  readonly parent: string;
  /** How far from a root. */
  readonly level: number;
}

export interface Output {
  readonly path: string;
  readonly topics: readonly [string, ...string[]];
  readonly options: PublishOptions;
}

/** What an agent does with one delivery; the same in every attempt. */
export interface Act {
  /** Attempts that fail, from the first on. */
  readonly failures: number;
  readonly how: 'throw' | 'permanent' | 'later' | 'timeout';
  readonly sleepMs: number;
  /** Published at once, by every attempt. */
  readonly effect: Output | undefined;
  readonly outputs: readonly Output[];
  readonly timer: { readonly path: string; readonly delayMs: number } | undefined;
}

const LEVELS = 3;
const NAMES = ['a', 'b', 'c'] as const;
/** Where virtual time begins. */
const START = new VirtualClock().now();
export const TIMEOUT_MS = 20_000;

class Dice {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  is(chance: number): boolean {
    return this.#random() < chance;
  }

  whole(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)] as T;
  }
}

export function planOf(seed: number): Plan {
  const dice = new Dice(seededRandom(seed));
  const agents = Array.from({ length: dice.whole(2, 6) }, (_, n) => agentPlan(`agent${n}`, dice));
  const names = agents.map(({ name }) => name);
  const roots = Array.from(
    { length: dice.whole(2, 6) },
    (_, n): RootPlan => ({
      path: `root${n}`,
      topics: topicsAt(0, dice),
      options: { ...optionsOf(names, dice), ...(dice.is(0.1) && { deadlineAt: START + dice.whole(0, 30_000) }) },
      afterMs: dice.is(0.6) ? 0 : dice.whole(1, 5_000),
    }),
  );
  return {
    seed,
    agents,
    roots,
    twinStopsAfterMs: dice.is(0.3) ? dice.whole(0, 10_000) : undefined,
    pause: dice.is(0.2) ? { agent: dice.pick(names), forMs: dice.whole(1, 60_000) } : undefined,
  };
}

export function actOf({ seed, agents }: Plan, { name, hasState }: AgentPlan, topic: string, payload: Payload): Act {
  const { path, level } = payload;
  const dice = new Dice(seededRandom(hash(`${seed} ${name} ${topic} ${path}`)));
  const names = agents.map((agent) => agent.name);
  const isLast = level >= LEVELS - 1;
  const from = `${path}>${name}@${topic}`;
  const outputs = isLast ? 0 : dice.pick([0, 1, 1, 2]);
  const output = (place: string): Output => ({
    path: `${from}#${place}`,
    topics: topicsAt(level + 1, dice),
    options: optionsOf(names, dice),
  });
  return {
    failures: dice.is(0.8) ? 0 : dice.whole(1, 4),
    how: dice.pick(['throw', 'throw', 'permanent', 'later', 'timeout']),
    sleepMs: hasState || dice.is(0.7) ? 0 : dice.whole(1, 8_000),
    effect: isLast || dice.is(0.85) ? undefined : output('now'),
    outputs: Array.from({ length: outputs }, (_, n) => output(String(n))),
    timer: isLast || dice.is(0.85) ? undefined : { path: `${from}#timer`, delayMs: dice.whole(0, 60_000) },
  };
}

function agentPlan(name: string, dice: Dice): AgentPlan {
  const guarantee = dice.pick([
    'at-least-once',
    'at-least-once',
    'exactly-once',
    'exactly-once',
    'at-most-once',
  ] as const);
  return {
    name,
    patterns: Array.from({ length: dice.whole(1, 2) }, () => patternOf(dice)),
    guarantee,
    ordering: dice.is(0.4) ? 'key' : 'none',
    concurrency: dice.pick([1, 2, 5]),
    attempts: dice.whole(1, 4),
    isTagged: dice.is(0.1),
    hasState: guarantee === 'exactly-once' && dice.is(0.5),
  };
}

function patternOf(dice: Dice): string {
  const level = dice.whole(0, LEVELS - 1);
  const name = dice.pick(NAMES);
  return dice.pick([`l${level}.${name}`, `l${level}.*`, `*.${name}`, `l${level}.${name}`, `l${level}.**`, '**']);
}

function topicsAt(level: number, dice: Dice): readonly [string, ...string[]] {
  const first = dice.pick(NAMES);
  const second = dice.pick(NAMES);
  return first === second || dice.is(0.8) ? [`l${level}.${first}`] : [`l${level}.${first}`, `l${level}.${second}`];
}

function optionsOf(names: readonly string[], dice: Dice): PublishOptions {
  return {
    ...(dice.is(0.7) && { key: dice.pick(['one', 'two']) }),
    ...(dice.is(0.3) && { priority: dice.pick([0, 2, 7, 9] as const) }),
    ...(dice.is(0.15) && { delayMs: dice.whole(1, 30_000) }),
    ...(dice.is(0.2) && { recipients: [dice.pick(names)] }),
  };
}

function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
