/** @module Which faults happen: drawn from the seed by their names, and written down as they happen. */
import { seededRandom } from '../random.ts';
import type { ChaosSettings, FaultKind } from './chaos-options.ts';

/** One fault that happened. */
export interface InjectedFault {
  /** In the order in which they happened, from 1. */
  readonly number: number;
  /**
   * What kind of fault it was, whom it met, and how often that one could have been met by then. The same run has the same
   * names, and `only` takes them.
   */
  readonly name: string;
  readonly kind: FaultKind;
  /** Unix ms. */
  readonly at: number;
  /** What happened, to which message. */
  readonly description: string;
}

/** A fault that the schedule wants at this place. */
export interface Decision {
  readonly kind: FaultKind;
  readonly name: string;
  /** Numbers in [0, 1) that follow from the seed and the name. */
  readonly random: () => number;
}

/**
 * Decides by name: whether a fault happens follows from the seed and the fault's own name alone. So leaving one out does not
 * change the others, and a schedule can be made smaller one by one.
 */
export class FaultSchedule {
  readonly #settings: ChaosSettings;
  readonly #happened: InjectedFault[] = [];
  readonly #counts = new Map<string, number>();

  constructor(settings: ChaosSettings) {
    this.#settings = settings;
  }

  get happened(): readonly InjectedFault[] {
    return this.#happened;
  }

  /**
   * Whether the fault is to happen here. Ask it wherever it could, also if another comes before it, so that names stay.
   *
   * @param who The agent, or whoever publishes.
   */
  decide(kind: FaultKind, who: string): Decision | undefined {
    const { seed, only, faults } = this.#settings;
    const place = `${kind} ${who}`;
    const ordinal = (this.#counts.get(place) ?? 0) + 1;
    this.#counts.set(place, ordinal);
    const { chance } = faults[kind];
    if (only === undefined ? chance === 0 : only.size === 0) return undefined;
    const name = `${place} #${ordinal}`;
    if (only !== undefined && !only.has(name)) return undefined;
    const random = seededRandom(hash(`${seed} ${name}`));
    const isDrawn = random() < chance;
    return isDrawn || only !== undefined ? { kind, name, random } : undefined;
  }

  /** How long a fault lasts, in ms: from 1 to what the options allow, and to `mostMs`. */
  lasts({ kind, random }: Decision, mostMs = Number.POSITIVE_INFINITY): number {
    const { maxMs } = this.#settings.faults[kind];
    return Math.max(1, Math.ceil(random() * Math.min(maxMs, mostMs)));
  }

  /** Writes down that it happened. */
  record({ kind, name }: Decision, what: string): void {
    const number = this.#happened.length + 1;
    const at = this.#settings.clock.now();
    this.#happened.push(Object.freeze({ number, name, kind, at, description: `${kind} ${what}` }));
  }
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
