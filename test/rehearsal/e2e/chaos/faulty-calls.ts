import { createHash } from 'node:crypto';
import type { CallFault, CallHook, ServiceCall } from '../../../../lib/rehearsal/proxy/faults.ts';

const answers = ['throttling', 'server-error', 'reset'] as const;

export interface FaultyCalls {
  readonly hook: CallHook;
  /** How many went wrong, by what and when. */
  readonly counts: Readonly<Record<string, number>>;
  /** From now on nothing goes wrong. */
  end(): void;
}

/**
 * Lets a share of the functions' calls go wrong, before or after their effect. Each batch that is published to SNS loses its
 * first answer, so that what subscribes to a standard topic gets every message twice.
 */
export function faultyCalls(random: () => number, share: number): FaultyCalls {
  const counts: Record<string, number> = {};
  const published = new Set<string>();
  let isOver = false;
  const faultOf = (call: ServiceCall): CallFault | undefined => {
    if (isOver || call.functionName === undefined) return undefined;
    if (call.operation === 'PublishBatch') {
      const hash = createHash('sha256').update(call.body).digest('base64');
      if (!published.has(hash)) {
        published.add(hash);
        return { when: 'after', answer: 'reset' };
      }
    }
    if (random() >= share) return undefined;
    const answer = answers[Math.floor(random() * answers.length)] ?? 'reset';
    return { when: answer === 'throttling' || random() < 0.5 ? 'before' : 'after', answer };
  };
  return {
    counts,
    end: () => {
      isOver = true;
    },
    hook(call) {
      const fault = faultOf(call);
      if (fault !== undefined) {
        const name = `${fault.answer} ${fault.when}`;
        counts[name] = (counts[name] ?? 0) + 1;
      }
      return fault;
    },
  };
}
