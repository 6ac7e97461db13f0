import type { LogLine } from '../../../../lib/rehearsal/functions/function-logs.ts';
import type { Rehearsal } from '../../../../lib/rehearsal/rehearsal.ts';

/** Of so many invocations one is killed in what it does. So that all goes on however slow the machine is, no clock decides. */
const ONE_OF = { agents: 12, relay: 6 } as const;
const WITHIN_MS = { agents: 60, relay: 30 } as const;

/** Kills the processes of a function soon after one of its invocations has begun. */
export class Killer implements Disposable {
  readonly killed = { agents: 0, relay: 0 };
  readonly #random: () => number;
  readonly #timers = new Set<NodeJS.Timeout>();
  #rehearsal: Rehearsal | undefined;

  constructor(random: () => number) {
    this.#random = random;
  }

  open(rehearsal: Rehearsal): void {
    this.#rehearsal = rehearsal;
  }

  heard({ functionName, text }: LogLine): void {
    const rehearsal = this.#rehearsal;
    if (rehearsal === undefined || !text.startsWith('START ')) return;
    const what = /Agents/.test(functionName) ? 'agents' : /Relay/.test(functionName) ? 'relay' : undefined;
    if (what === undefined || this.#random() >= 1 / ONE_OF[what]) return;
    const kill = async () => {
      this.#timers.delete(timer);
      this.killed[what] += await rehearsal.killAll(new RegExp(functionName));
    };
    const timer = setTimeout(kill, this.#random() * WITHIN_MS[what]);
    this.#timers.add(timer);
  }

  [Symbol.dispose](): void {
    this.#rehearsal = undefined;
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
